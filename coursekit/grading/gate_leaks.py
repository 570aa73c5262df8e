"""Whether something of the solution or of hidden tests goes out to students: in cells, metadata, outputs or files."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coursekit.grading.answers import is_solution
from coursekit.grading.fairness import Problem
from coursekit.grading.restore import cell_key, text_of

CHECK: Final = "leaks"
_BEGIN: Final = re.compile(r"BEGIN (SOLUTION|HIDDEN TESTS)")
_END: Final = re.compile(r"END (SOLUTION|HIDDEN TESTS)")
_MARKER: Final = re.compile(r"(BEGIN|END) +(SOLUTION|HIDDEN)", re.IGNORECASE)
_LINE_LEAST: Final = 20
_REGION_LEAST: Final = 8
# Lines that stand in any test, or in place of any answer: they tell nothing.
_EVERYWHERE: Final = re.compile(
    r"import |from \S+ import |checks = |checks\.score|raise NotImplementedError|\*Your answer"
)


@dataclass(frozen=True, slots=True)
class Secret:
    """Lines of one cell that students must not see, without their spaces.

    Parameters
    ----------
    cell : str
        Whose they are.
    what : {"the solution", "hidden tests"}
        What they are of.
    lines : tuple of str
        The lines, empty ones left out.
    shown : str
        Of hidden tests, what students do see of the same cell: both may do the same with other values.
    """

    cell: str
    what: str
    lines: tuple[str, ...]
    shown: str

    def found_in(self, text: str) -> str | None:
        """Give what of it stands in a text; the text has no spaces either."""
        region = "".join(self.lines)
        if len(region) >= _REGION_LEAST and region in text and region not in self.shown:
            return self.lines[0]
        for line in self.lines:
            if len(line) >= _LINE_LEAST and line in text and line not in self.shown:
                return line
        return None


@dataclass(frozen=True, slots=True)
class Place:
    """A text that students get, the cell or file that it stands in, and where there."""

    cell: str
    where: str
    text: str


def secrets_of(notebook: Mapping[str, Any]) -> tuple[Secret, ...]:
    """List what must not go out of an instructor's notebook."""
    return tuple(secret for cell in notebook["cells"] for secret in _secrets(cell))


def _secrets(cell: Mapping[str, Any]) -> Iterator[Secret]:
    shown, regions = split_regions(text_of(cell))
    if is_solution(cell) and not any(kind == "SOLUTION" for kind, _ in regions):
        regions = [("SOLUTION", text_of(cell))]
    for kind, text in regions:
        lines = [_squeeze(line) for line in text.splitlines() if not _EVERYWHERE.match(line.strip())]
        if kept := tuple(line for line in lines if line):
            what = "the solution" if kind == "SOLUTION" else "hidden tests"
            yield Secret(cell_key(cell), what, kept, _squeeze(shown) if kind != "SOLUTION" else "")


def split_regions(source: str) -> tuple[str, list[tuple[str, str]]]:
    """Split a cell's source into what students see and the regions that they do not: (kind, text)."""
    shown: list[str] = []
    regions: list[tuple[str, list[str]]] = []
    inside = False
    for line in source.splitlines():
        if begin := _BEGIN.search(line):
            inside = True
            regions.append((begin[1], []))
        elif _END.search(line):
            inside = False
        elif inside:
            regions[-1][1].append(line)
        else:
            shown.append(line)
    return "\n".join(shown), [(kind, "\n".join(lines)) for kind, lines in regions]


def leak_problems(
    secrets: Iterable[Secret], released: Mapping[str, Any], files: Mapping[str, bytes]
) -> Iterator[Problem]:
    """Find secrets in what students get.

    Parameters
    ----------
    secrets : iterable of Secret
        What they must not get.
    released : mapping
        The notebook that they get.
    files : mapping of str to bytes
        What lies beside it, by path.
    """
    for place in places(released, files):
        if place.where == "its text" and (marker := _MARKER.search(place.text)):
            fix = "write the marker as nbgrader does: ### BEGIN SOLUTION, ### BEGIN HIDDEN TESTS, on a line of its own"
            yield Problem(CHECK, place.cell, f"students would read {marker[0]!r} in it", fix)
        text = _squeeze(place.text)
        for secret in secrets:
            if found := secret.found_in(text):
                reason = f"{place.where} shows students a line of {secret.what} of {secret.cell}: {found[:80]}"
                yield Problem(CHECK, place.cell, reason, _remedy(place))
                break


def _remedy(place: Place) -> str:
    if place.where == "its text":
        return "put it between ### BEGIN SOLUTION and ### END SOLUTION, or take it out"
    return "take it out of the file" if place.where == "the file" else f"remove {place.where}"


def places(released: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[Place]:
    """Give every text that students get."""
    for number, cell in enumerate(released["cells"]):
        name = cell_key(cell) or f"cell {number + 1}"
        yield Place(name, "its text", text_of(cell))
        yield from _place(name, "its metadata", cell.get("metadata", {}))
        yield from _place(name, "its output", cell.get("outputs", []))
        yield from _place(name, "its attachment", _opened(cell.get("attachments", {})))
    yield from _place("notebook", "its metadata", released.get("metadata", {}))
    for path, content in files.items():
        text = content.decode("utf-8", errors="replace")
        yield Place(path, "the file", "\n".join((text, *_strings(_json(text)))))


def _place(cell: str, where: str, value: Any) -> Iterator[Place]:
    if text := "\n".join(_strings(value)):
        yield Place(cell, where, text)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key)
            yield from _strings(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _strings(each)


def _opened(attachments: Mapping[str, Any]) -> list[str]:
    """Give the texts of attachments, which come in base64 unless they are text."""
    found = []
    for bundle in attachments.values():
        for text in _strings(bundle):
            try:
                found.append(base64.b64decode(text, validate=True).decode("utf-8", errors="replace"))
            except (binascii.Error, ValueError):
                found.append(text)
    return found


def _json(text: str) -> Any:
    """Read text as JSON, in which quotation marks are escaped; nothing if it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)
