"""The documents as pages: which get in, and where their links lead."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

# Of a lecturer's notes these sections; all others have answers in them.
_TIMING: Final = ("Minute by minute", "Timing")
_CODE_OR_LINK: Final = re.compile(
    r"^```.*?^```|`[^`\n]*`|(?P<picture>!?)\[(?P<text>(?:`[^`]*`|[^\[\]`])*)\]\((?P<target>[^()\s]+)\)",
    re.DOTALL | re.MULTILINE,
)


def relinked(text: str, *, at: str, to: str, pages: Mapping[str, str], elsewhere: Callable[[str], str | None]) -> str:
    """Let a page's links lead to where their targets are in the site.

    Parameters
    ----------
    text : str
        Markdown.
    at : str
        The page's path in the repository, with ``/``.
    to : str
        Its path in the site.
    pages : mapping of str to str
        Paths in the repository, and where each is in the site.
    elsewhere : callable
        Gives the address of what the site does not have; None: then the link's text stays, and leads nowhere.
    """

    def place(match: re.Match[str]) -> str:
        target = match["target"]
        if target is None or target.startswith("#") or ":" in target:
            return match[0]
        path, hash_, heading = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(at), path))
        if path in pages:
            new = posixpath.relpath(pages[path], posixpath.dirname(to) or ".") + hash_ + heading
            text = "" if match["text"] == posixpath.basename(path) else match["text"]  # Sphinx puts the page's title
            return f"{match['picture']}[{text}]({new})"
        address = elsewhere(path)
        return f"{match['picture']}[{match['text']}]({address})" if address else match["text"]

    return _CODE_OR_LINK.sub(place, text)


def lesson_plans(notes: Iterable[tuple[str, Path]]) -> str:
    """Collect the timing from the lecturer's notes, and nothing else of them.

    Parameters
    ----------
    notes : iterable of (str, Path)
        Headings, and the notes of a lesson each; those that are not there are left out.
    """
    lines = [
        "# Lesson plans",
        "",
        "How a lesson's time can be spent, minute by minute. The lecturer's notes in the repository go on with what",
        "goes wrong and with the answers, which are not on this site.",
        "",
    ]
    for heading, path in notes:
        plan = _section(path.read_text(encoding="utf-8"), _TIMING) if path.is_file() else ""
        if plan:
            lines += [f"## {heading}", "", plan, ""]
    return "\n".join(lines)


def _section(text: str, headings: Iterable[str]) -> str:
    """Give what stands below the first of the headings, up to the next heading."""
    for heading in headings:
        found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
        if found:
            return found[1].strip()
    return ""
