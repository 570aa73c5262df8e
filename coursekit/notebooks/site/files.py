"""The source folder of the web site: which file holds what."""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coursekit.config import Course
from coursekit.errors import SettingsError
from coursekit.notebooks.catalog import Notebook, list_notebooks
from coursekit.notebooks.document import Document, format_document, read_document
from coursekit.notebooks.site.documents import lesson_plans, relinked
from coursekit.notebooks.site.glossary import collect_terms, glossary_page, read_glossary
from coursekit.notebooks.site.lessons import LessonPage, page_of, read_lesson

_RUNTIMES: Final = {"python": "Python", "spark": "Spark", "tensorflow": "Keras"}
_HOME: Final = "index.md"
_LESSONS: Final = "lessons/index.md"
_ASSIGNMENTS: Final = "assignments.md"
_PLANS: Final = "docs/teaching/plans.md"
# The only one of the lecturer's pages without answers; of the others `lesson_plans` takes the timing.
_TIMETABLES: Final = "docs/teaching/README.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteSettings:
    """How the site is made.

    Parameters
    ----------
    executed : Path
        The folder in which `coursekit notebook run` left executed notebooks.
    hub : str or None
        The address of the class's Hub, such as ``https://hub.example.org``; None: pages have no link to it.
    repository : str or None
        The address of the course's repository, which students' servers can reach. Links to the Hub then go through
        nbgitpuller, and links to files that are not in the site lead to the repository.
    branch : str
        Which branch of it.
    """

    executed: Path
    hub: str | None = None
    repository: str | None = None
    branch: str = "main"

    def __post_init__(self) -> None:
        for name in ("hub", "repository"):
            value = getattr(self, name)
            parts = urllib.parse.urlsplit(value or "http://none")
            if parts.scheme not in ("http", "https") or not parts.netloc:
                raise SettingsError(
                    f"{name} = {value!r} is no address.", fix='give it in full, like "https://hub.example.org"'
                )

    def hub_link(self, path: str) -> str | None:
        """Where a file of the course opens in the Hub.

        Without a repository: the copy that the Hub has put into the student's home (`coursekit.server`). With one:
        nbgitpuller fetches it first (https://nbgitpuller.readthedocs.io), which has to be in the students' image.
        """
        if self.hub is None:
            return None
        base = f"{self.hub.rstrip('/')}/hub/user-redirect"
        if self.repository is None:
            return f"{base}/lab/tree/{urllib.parse.quote(path)}"
        name = self.repository.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
        # without a target, nbgitpuller 1.3 calls the folder "course.git" where the address ends so
        query = {"repo": self.repository, "branch": self.branch, "targetpath": name}
        query["urlpath"] = f"lab/tree/{name}/{path}"
        return f"{base}/git-pull?{urllib.parse.urlencode(query)}"

    def source_link(self, path: str) -> str | None:
        """Where a file of the course is shown in its repository."""
        if self.repository is None:
            return None
        return f"{self.repository.rstrip('/').removesuffix('.git')}/blob/{self.branch}/{path}"


def prepare_site(course: Course, settings: SiteSettings, out: Path) -> tuple[LessonPage, ...]:
    """Make a folder the source of the site: what has not changed stays as it was, what is not of the site goes.

    Returns
    -------
    tuple of LessonPage
        The lessons, with whether their results are shown.
    """
    lessons = tuple(
        read_lesson(notebook, settings.executed) for notebook in list_notebooks(course) if notebook.kind == "lesson"
    )
    files = site_files(course, settings, lessons)
    for path in [path for path in out.rglob("*") if path.is_file()]:
        if path.relative_to(out).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        path = out / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return lessons


def site_files(course: Course, settings: SiteSettings, lessons: Sequence[LessonPage]) -> dict[str, bytes]:
    """Give the files of the site's source by their paths in it."""
    documents = [path for path in (*(course.root / "docs").glob("*.md"), course.root / _TIMETABLES) if path.is_file()]
    pictures = _files_in(course.root / "docs" / "pictures")
    pages = {_in(course, path): _in(course, path) for path in (*documents, *pictures)}
    pages |= {_in(course, lesson.notebook.path): f"lessons/{lesson.notebook.path.name}" for lesson in lessons}
    pages |= {"README.md": _HOME, "lessons": _LESSONS, "assignments": _ASSIGNMENTS, "docs/teaching": _TIMETABLES}

    def linked(text: str, *, at: str, to: str) -> str:
        return relinked(text, at=at, to=to, pages=pages, elsewhere=settings.source_link)

    frame = course.root / "docs" / "site"
    files = {path.relative_to(frame).as_posix(): path.read_bytes() for path in _files_in(frame)}
    files |= {_in(course, path): path.read_bytes() for path in pictures}
    text = {
        _LESSONS: _lessons_page(lessons),
        _ASSIGNMENTS: linked(_assignments_page(course), at="assignments/NAME/NAME.ipynb", to=_ASSIGNMENTS),
        _PLANS: _plans_page(course, lessons),
        "glossary.md": glossary_page(
            collect_terms((each.notebook, read_glossary(each.document)) for each in lessons),
        ),
    }
    for path in documents:
        name = _in(course, path)
        text[name] = linked(path.read_text(encoding="utf-8"), at=name, to=name)
    for lesson in lessons:
        name = _in(course, lesson.notebook.path)
        page = page_of(lesson, root=course.root, hub_link=settings.hub_link(name))
        text[pages[name]] = format_document(page)
    return files | {name: content.encode() for name, content in text.items()}


def _lessons_page(lessons: Sequence[LessonPage]) -> str:
    lines = [
        "# Lessons",
        "",
        "Each lesson is a notebook that asks before it shows: predict, run, look, explain. What you read here has been",
        "executed by a program; to make predictions and have exercises checked, open it in the Hub or in JupyterLab.",
        "",
        "| | lesson | runs on | an automatic run takes |",
        "| --- | --- | --- | --- |",
    ]
    for lesson in lessons:
        contract = lesson.notebook.contract()
        link = f"[{contract.title}]({lesson.notebook.path.name})"
        minutes = f"{contract.minutes_at('small'):g} min"
        lines.append(f"| {lesson.notebook.number} | {link} | {_runs_on(lesson.notebook)} | {minutes} |")
    lines += ["", "The times are planned for two cores and the small size.", "", "```{toctree}", ":hidden:", ""]
    lines += [
        f"{lesson.notebook.number}. {lesson.notebook.contract().title} <{lesson.notebook.path.stem}>"
        for lesson in lessons
    ]
    return "\n".join([*lines, "```", ""])


def _assignments_page(course: Course) -> str:
    """Give the opening words of each assignment; its tasks and tests are in no page."""
    lines = [
        "# Assignments",
        "",
        "You fetch an assignment in the Hub, answer it there, check it and submit it; grades and feedback come back",
        "the same way. What follows is how each begins.",
        "",
    ]
    for notebook in list_notebooks(course):
        if notebook.kind == "assignment":
            lines += [_opening(read_document(notebook.path), notebook), ""]
    return "\n".join(lines)


def _opening(document: Document, notebook: Notebook) -> str:
    first = document.cells[0] if document.cells else None
    if first is None or first.cell_type != "markdown" or "nbgrader" in first.metadata or not first.source.strip():
        return f"## {notebook.contract().title}"
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in first.source.splitlines())


def _plans_page(course: Course, lessons: Sequence[LessonPage]) -> str:
    return lesson_plans(
        (
            f"{lesson.notebook.number}. {lesson.notebook.contract().title}",
            course.root / "docs" / "teaching" / f"{lesson.notebook.name}.md",
        )
        for lesson in lessons
    )


def _runs_on(notebook: Notebook) -> str:
    contract = notebook.contract()
    workers = {0: "", 1: ", 1 worker"}.get(contract.workers, f", {contract.workers} workers")
    return _RUNTIMES[contract.runtime] + workers


def _files_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]


def _in(course: Course, path: Path) -> str:
    return path.relative_to(course.root).as_posix()
