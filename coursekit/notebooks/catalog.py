"""Which notebooks the course has, and which of them is meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from coursekit.config import Course
from coursekit.errors import NotebookNotFoundError, SettingsError
from coursekit.notebooks.contract import Contract
from coursekit.notebooks.document import read_contract, read_document, title_of

Kind = Literal["lesson", "assignment", "file"]

_LESSON: Final = re.compile(r"(?P<number>\d+)-(?P<slug>.+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Notebook:
    """One notebook file.

    Parameters
    ----------
    name : str
        What it is called: a lesson's stem (``01-containers-to-clusters``), an assignment's folder (``a1``; with more
        than one notebook in it ``a1/part-2``), any other file's stem.
    kind : {"lesson", "assignment", "file"}
        A file is one outside ``lessons/`` and ``assignments/``.
    path : Path
        Where it is.
    """

    name: str
    kind: Kind
    path: Path

    @property
    def aliases(self) -> frozenset[str]:
        """Everything it answers to, in lower case: name, stem, and a lesson's number and slug."""
        names = {self.name, self.path.stem, self.path.name}
        match = _LESSON.fullmatch(self.path.stem) if self.kind == "lesson" else None
        if match is not None:
            names |= {match["number"], str(int(match["number"])), match["slug"]}
        if self.kind == "assignment":
            names.add(self.path.parent.name)
        return frozenset(name.lower() for name in names)

    @property
    def number(self) -> int | None:
        """A lesson's number; None for what has none."""
        match = _LESSON.fullmatch(self.path.stem) if self.kind == "lesson" else None
        return int(match["number"]) if match else None

    def contract(self) -> Contract:
        """Read its contract; without one, its first heading is the title and all else is the default.

        Raises
        ------
        SettingsError
            If the contract is not valid; the message names the notebook.
        """
        document = read_document(self.path)
        try:
            contract = read_contract(document)
        except SettingsError as error:
            raise SettingsError(f"{self.name}: {error.message}", fix=f"{error.fix} ({self.path})") from None
        return contract or Contract(title=title_of(document) or self.name)


def list_notebooks(course: Course) -> tuple[Notebook, ...]:
    """Give the lessons and then the assignments, each by name; copies that Jupyter made do not count."""
    lessons = _notebooks_in(course.lessons, "*.ipynb")
    assignments = _notebooks_in(course.assignments, "*/*.ipynb")
    return tuple(
        [Notebook(name=path.stem, kind="lesson", path=path) for path in lessons]
        + [Notebook(name=_assignment_name(path), kind="assignment", path=path) for path in assignments]
    )


def find_notebooks(names: Sequence[str], course: Course | None) -> tuple[Notebook, ...]:
    """Find notebooks by number, slug, stem, assignment or path, in the order asked for, none twice.

    Parameters
    ----------
    names : sequence of str
        A path is a file that is there, or a folder whose notebooks are all meant.
    course : Course or None
        Where names are looked up; None when not in a course: then only paths are found.

    Raises
    ------
    NotebookNotFoundError
        If a name fits nothing; the fix names what comes near.
    """
    known = () if course is None else list_notebooks(course)
    found: dict[Path, Notebook] = {}
    for name in names:
        for notebook in _find(name, known):
            found.setdefault(notebook.path.resolve(), notebook)
    return tuple(found.values())


def _find(name: str, known: Iterable[Notebook]) -> Sequence[Notebook]:
    named = [notebook for notebook in known if name.lower().strip("/") in notebook.aliases]
    if named:
        return named
    path = Path(name)
    if path.is_dir():
        inside = [_at(file, known) for file in _notebooks_in(path, "**/*.ipynb")]
        if inside:
            return inside
    elif path.is_file():
        return [_at(path, known)]
    raise _not_found(name, known)


def _at(path: Path, known: Iterable[Notebook]) -> Notebook:
    """The course's notebook at a path, or a file of its own."""
    resolved = path.resolve()
    for notebook in known:
        if notebook.path.resolve() == resolved:
            return notebook
    return Notebook(name=path.stem, kind="file", path=path)


def _not_found(name: str, known: Iterable[Notebook]) -> NotebookNotFoundError:
    names = [notebook.name for notebook in known]
    by_alias = {alias: notebook.name for notebook in known for alias in notebook.aliases}
    near = list(dict.fromkeys(by_alias[alias] for alias in difflib.get_close_matches(name.lower(), by_alias, n=5)))
    if near:
        fix = f"did you mean {' or '.join(near[:3])}?"
    elif names:
        fix = f"choose one that is there: {', '.join(names)}; or give the path of a notebook"
    else:
        fix = "give the path of a notebook, or change into the course's checkout"
    return NotebookNotFoundError(f"there is no notebook {name!r}.", fix=fix)


def _assignment_name(path: Path) -> str:
    folder = path.parent.name
    return folder if path.stem == folder else f"{folder}/{path.stem}"


def _notebooks_in(folder: Path, pattern: str) -> list[Path]:
    """Give the files by name; what lies in hidden folders, such as ``.ipynb_checkpoints``, is left out."""
    return [
        path
        for path in sorted(folder.glob(pattern))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
