"""A lesson as a page: with the results of its last execution, if those belong to the text as it is now."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from coursekit.errors import NotebookError
from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.document import Document, read_document, tags_of
from coursekit.notebooks.kept import Kept, read_record

State = Literal["executed", "changed", "missing"]

_INJECTED: Final = "injected-parameters"  # papermill's
# How cells of the lessons look (their ids begin so): checks are folded, questions wrapped, for they have to be read.
_LOOKS: Final = {"check": "hide-input", "predict": "wrapped", "exercise": "wrapped"}
_FOR_THE_READER: Final = ("kernelspec", "language_info")
# Spark's own pages, which were there while the notebook ran.
_LOCAL_LINK: Final = re.compile(r"<a\b[^>]*href=['\"]https?://(?:127\.0\.0\.1|localhost)\b[^>]*>(.*?)</a>", re.DOTALL)
_INSTALLED: Final = re.compile(
    r"(?:/[^\s/'\"<>:]+)+/(?:site-packages/|lib/python3\.\d+/|(?=coursekit/[\w/]+\.py\b))"  # libraries, and ours
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LessonPage:
    """A lesson and what there is to show of it.

    Parameters
    ----------
    notebook : Notebook
        Which.
    state : {"executed", "changed", "missing"}
        Whether its results are shown. They are not when its text has changed since, or it never passed here.
    document : Document
        The notebook with its results; without any when they are not shown.
    kept : Kept or None
        When it was executed, and how long it took.
    """

    notebook: Notebook
    state: State
    document: Document
    kept: Kept | None = None


def read_lesson(notebook: Notebook, executed: Path) -> LessonPage:
    """Find the results of a lesson.

    Parameters
    ----------
    notebook : Notebook
        The lesson, as it is committed.
    executed : Path
        The folder in which `coursekit notebook run` left what it executed.
    """
    source = read_document(notebook.path)
    path = executed / f"{notebook.name}.ipynb"
    kept = read_record(path.with_suffix(".kept.json"), path)
    if kept is None:
        return LessonPage(notebook=notebook, state="missing", document=source)
    try:
        document = read_document(path)
    except NotebookError:
        return LessonPage(notebook=notebook, state="missing", document=source)
    if _texts(document) != _texts(source):
        return LessonPage(notebook=notebook, state="changed", document=source)
    return LessonPage(notebook=notebook, state="executed", document=document, kept=kept)


def page_of(lesson: LessonPage, *, root: Path, hub_link: str | None) -> Document:
    """Give the notebook that becomes the page.

    Parameters
    ----------
    lesson : LessonPage
        Which.
    root : Path
        The course's checkout. Names of files in results are shown relative to it.
    hub_link : str or None
        Where the lesson opens in the class's Hub.
    """
    document = copy.deepcopy(lesson.document)
    parameters = document.metadata.get("papermill", {}).get("parameters", {})
    document.cells = [cell for cell in document.cells if _INJECTED not in tags_of(cell)]
    for cell in document.cells:
        if cell.cell_type == "code":
            cell.outputs = [_cleaned(each, root) for each in cell.outputs if each.get("name") != "stderr"]
            kind = cell.get("id", "").partition("-")[0]
            if kind in _LOOKS:
                cell.metadata["tags"] = [*tags_of(cell), _LOOKS[kind]]
    for key in set(document.metadata) - set(_FOR_THE_READER):
        del document.metadata[key]
    note = "\n\n".join(filter(None, (_link_text(hub_link), _note_on(lesson, parameters))))
    for cell in document.cells:
        if cell.cell_type == "markdown":
            heading, _, rest = cell.source.partition("\n")
            cell.source = f"{heading}\n\n{note}\n{rest}"
            break
    return document


def _note_on(lesson: LessonPage, parameters: dict[str, Any]) -> str:
    if lesson.kept is None:
        why = (
            "The lesson has changed since it was last executed"
            if lesson.state == "changed"
            else "The lesson was not executed for this site"
        )
        return f":::{{warning}}\n{why}, so its results are missing here. Run it yourself to see them.\n:::"
    when = datetime.fromisoformat(lesson.kept.when)
    sizes = ", ".join(f"`{name} = {value!r}`" for name, value in sorted(parameters.items()))
    device = f" on {lesson.kept.device}" if lesson.kept.device else ""
    small = f" with {sizes} in place of the values in the cell below" if sizes else ""
    return (
        f":::{{dropdown}} Results of {when.day} {when:%B %Y}\n"
        f"A program executed this lesson{small}. It took {lesson.kept.seconds:.0f} s{device}. Nobody answered, so"
        " predictions and exercises say “not yet”: run the lesson yourself to make predictions and to have your"
        " exercises checked.\n:::"
    )


def _link_text(hub_link: str | None) -> str:
    return f"[Open in the Hub]({hub_link}){{.open-in-hub}}" if hub_link else ""


def _texts(document: Document) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in document.cells if _INJECTED not in tags_of(cell)]


def _cleaned(output: Any, root: Path) -> Any:
    """Take out what only made sense on the machine that executed it: links to it, and where it keeps its files."""

    def clean(text: str) -> str:
        text = _LOCAL_LINK.sub(r"\1", _INSTALLED.sub("", text))
        return text.replace(f"{root}/", "").replace(str(Path.home()), "~")

    if output.output_type == "stream":
        output.text = clean(output.text)
    for mime, value in output.get("data", {}).items():
        if mime.startswith("text/"):
            output.data[mime] = _each_text(value, clean)
    if output.output_type == "error":
        output.traceback = [clean(line) for line in output.traceback]
    return output


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    return [change(part) for part in value] if isinstance(value, list) else change(value)
