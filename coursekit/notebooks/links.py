"""Where the links of texts in Markdown lead within the course: to files, headings and attachments.

Addresses outside are left alone: to ask whether they answer takes a network.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from coursekit.notebooks.document import Document

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_HTML_LINK: Final = re.compile(r"""<(?:a|img)\b[^>]*?\b(?:href|src)=["']([^"']+)["']""")
_OUTSIDE: Final = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_ATTACHMENT: Final = "attachment:"
# What Markdown leaves as it is because no line `[name]: address` says where it leads; `x[0][1]` is no link.
_UNDEFINED: Final = re.compile(r"(?<![\w\]])\[[^\[\]]+\]\[[^\[\]]*\]")


def broken_links(document: Document, path: Path) -> Iterator[tuple[int, str]]:
    """Find the links of a notebook that lead nowhere.

    Parameters
    ----------
    document : Document
        The notebook.
    path : Path
        Where it is: links are relative to its folder.

    Yields
    ------
    index : int
        The cell's, from 0.
    reason : str
        The link as it is written, and why it leads nowhere.
    """
    texts = {index: cell.source for index, cell in enumerate(document.cells) if cell.cell_type == "markdown"}
    for index, text in texts.items():
        attached = document.cells[index].get("attachments", {})
        for link in links_in(text):
            if link.startswith(_ATTACHMENT):
                if unquote(link.removeprefix(_ATTACHMENT)) not in attached:
                    yield index, f"has a link to {link!r}, and no such attachment"
            elif not _OUTSIDE.match(link) and (reason := _broken(link, path, texts.values())):
                yield index, f"has a link to {link!r}, {reason}"
        for reference in undefined_references(text):
            yield index, f"has {reference!r}, and no line says where that leads"


def _broken(link: str, path: Path, own: Iterable[str]) -> str:
    """Say why a relative link leads nowhere; nothing if it leads somewhere."""
    file, _, heading = unquote(link).partition("#")
    linked = path.parent / file if file else path
    if not linked.exists():
        return "and there is no such file"
    if not heading or (file and linked.suffix not in (".md", ".ipynb")):
        return ""
    return "" if heading in headings_in(texts_of(linked) if file else own) else "where there is no such heading"


def texts_of(page: Path) -> tuple[str, ...]:
    """Give a page's Markdown: of a notebook, one text for each cell that has some."""
    content = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        return (content,)
    return tuple("".join(cell["source"]) for cell in json.loads(content)["cells"] if cell["cell_type"] == "markdown")


def links_in(text: str) -> Iterator[str]:
    """Give where the links and pictures of a text lead, those written in HTML too."""
    for token in tokens_of(text):
        if target := token.attrGet("href") or token.attrGet("src"):
            yield str(target)
        elif token.type in ("html_block", "html_inline"):
            yield from _HTML_LINK.findall(token.content)


def undefined_references(text: str) -> Iterator[str]:
    """Give references such as ``[text][name]`` of which the text does not say where they lead."""
    for token in tokens_of(text):
        if token.type == "text":
            yield from _UNDEFINED.findall(token.content)


def headings_in(texts: Iterable[str]) -> frozenset[str]:
    """Give the headings of a page as GitHub writes them in addresses."""
    found: list[str] = []
    for text in texts:
        tokens = _parser().parse(text)
        for before, token in itertools.pairwise(tokens):
            if before.type == "heading_open":
                words = "".join(part.content for part in token.children or () if part.type in ("text", "code_inline"))
                slug = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
                same = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other) is not None for other in found)
                found.append(f"{slug}-{same}" if same else slug)
    return frozenset(found)


def tokens_of(text: str) -> Iterator[Token]:
    """Read Markdown: its blocks, each followed by what stands in it."""
    for token in _parser().parse(text):
        yield token
        yield from token.children or ()


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")
