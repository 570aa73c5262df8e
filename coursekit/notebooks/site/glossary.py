"""The glossaries of all lessons as one page."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.document import Document

_HEADING: Final = "## Glossary"
_HEADER: Final = ("term", "meaning")
_BORDER: Final = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One term of the course.

    Parameters
    ----------
    name : str
        The term.
    meanings : mapping of str to sequence of Notebook
        What it means, and the lessons that say so; lessons may say it in different words.
    """

    name: str
    meanings: Mapping[str, Sequence[Notebook]]


def read_glossary(document: Document) -> dict[str, str]:
    """Give the terms of a lesson's glossary with their meanings, in its order; nothing if it has none."""
    cells = (cell.source for cell in document.cells if cell.cell_type == "markdown")
    text = next((source for source in cells if source.startswith(_HEADING)), "")
    rows = [_cells_of(line) for line in text.splitlines() if line.lstrip().startswith("|")]
    return {row[0]: row[1] for row in rows if len(row) == 2 and row != _HEADER and not set(row[0]) <= set("-: ")}


def collect_terms(glossaries: Iterable[tuple[Notebook, Mapping[str, str]]]) -> tuple[Term, ...]:
    """Give the terms of all lessons in alphabetical order, each once; upper and lower case are the same."""
    names: dict[str, str] = {}
    meanings: dict[str, dict[str, list[Notebook]]] = {}
    for notebook, glossary in glossaries:
        for name, meaning in glossary.items():
            names.setdefault(name.casefold(), name)
            meanings.setdefault(name.casefold(), {}).setdefault(meaning, []).append(notebook)
    return tuple(Term(name=names[key], meanings=meanings[key]) for key in sorted(names))


def glossary_page(terms: Iterable[Term]) -> str:
    """Write the page, with a heading for each letter."""
    lines = ["# Glossary", "", "The terms of all lessons, each with the lessons that introduce it.", ""]
    for letter, group in itertools.groupby(terms, key=_letter_of):
        lines += [f"## {letter}", "", "```{glossary}"]
        for term in group:
            lines.append(term.name)
            lines += ["  " + line for line in _definition(term)]
            lines.append("")
        lines += ["```", ""]
    return "\n".join(lines)


def _definition(term: Term) -> list[str]:
    paragraphs = [f"{meaning} ({_lessons(notebooks)})" for meaning, notebooks in term.meanings.items()]
    return "\n\n".join(paragraphs).splitlines()


def _lessons(notebooks: Sequence[Notebook]) -> str:
    links = [f"[{each.number}](lessons/{each.path.name})" for each in notebooks]
    return ("lesson " if len(links) == 1 else "lessons ") + ", ".join(links)


def _letter_of(term: Term) -> str:
    first = term.name[0].upper()
    return first if first.isalpha() else "0 to 9 and signs"


def _cells_of(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in _BORDER.split(line.strip().strip("|")))
