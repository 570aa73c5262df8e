"""What the documents hold, read as Markdown: prose, links, headings, and the commands that they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer.main
from markdown_it.token import Token

from coursekit.cli.main import app
from coursekit.notebooks.links import headings_in, links_in, texts_of, tokens_of

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BESIDE = sorted((ROOT / "assignments").rglob("*.md"))
"""Notes that stand beside what they are about."""
NOTEBOOKS = sorted(path for folder in ("lessons", "assignments") for path in (ROOT / folder).rglob("*.ipynb"))
GENERATED = ROOT / "docs" / "commands.md"
"""Every command with its options, as typer writes it (`make format`)."""
COMMAND = typer.main.get_command(app)

_SHELLS = ("console", "sh", "bash")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def tokens(page: Path) -> tuple[Token, ...]:
    return tuple(token for text in texts_of(page) for token in tokens_of(text))


def prose(page: Path) -> Iterator[str]:
    """Give what is written for people: no code, no addresses, and no titles of works, which are in italics."""
    depth = 0
    for token in tokens(page):
        depth += {"em_open": 1, "em_close": -1}.get(token.type, 0)
        if token.type == "text" and not depth:
            yield token.content


def links(page: Path) -> Iterator[str]:
    """Give where the links and pictures of a page lead."""
    for text in texts_of(page):
        yield from links_in(text)


@cache
def anchors(page: Path) -> frozenset[str]:
    """Give a page's headings as GitHub writes them in addresses."""
    return headings_in(texts_of(page))


@dataclass(frozen=True)
class Shown:
    """A command as a page shows it, and what the page says that it prints."""

    page: str
    line: str
    prints: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[tuple[str, ...], ...]:
        """The simple commands of the line, without comments and variables before them."""
        return simple_commands(self.line)


def simple_commands(line: str) -> tuple[tuple[str, ...], ...]:
    """Split a line of a shell into its commands; what comes after ``>`` belongs to none."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&;|>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    parts: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("&;|>"):
            parts.append([] if ">" not in word else ["(file)"])
        elif parts[-1] or not re.fullmatch(r"[A-Z_]+=.*", word):
            parts[-1].append(word)
    return tuple(tuple(part) for part in parts if part and part[0] != "(file)")


@cache
def shown_commands(page: Path) -> tuple[Shown, ...]:
    """Give the lines of a page's blocks of the kind ``console`` (or ``sh``) that are typed into a shell.

    In a block with ``$`` before its commands, what stands below each is what it prints.
    """
    found: list[Shown] = []
    for token in tokens(page):
        if token.type == "fence" and token.info.split(" ")[0] in _SHELLS:
            found += _commands_of(name_of(page), token.content.replace("\\\n", " "))
    return tuple(found)


def _commands_of(page: str, block: str) -> list[Shown]:
    lines = [line for line in block.splitlines() if line.strip()]
    if not any(line.startswith("$ ") for line in lines):
        return [Shown(page, line.strip()) for line in lines if not line.startswith("#")]
    found: list[Shown] = []
    for line in lines:
        if line.startswith("$ "):
            found.append(Shown(page, line[2:].strip()))
        elif found:
            last = found[-1]
            found[-1] = Shown(last.page, last.line, (*last.prints, line.strip()))
    return found


def plain_blocks(page: Path) -> Iterator[str]:
    """Give the lines of the blocks that are of no kind, or text."""
    for token in tokens(page):
        if token.type == "fence" and token.info in ("", "text"):
            yield from token.content.splitlines()


def is_group(command: Any) -> bool:
    return hasattr(command, "commands")


def walk(words: list[str]) -> tuple[Any, list[str]]:
    """Follow a command's words down, and give it with the rest of the line."""
    command = COMMAND
    while words and is_group(command) and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


class UnreadableError(Exception):
    """A line that the command would refuse."""


def parse(words: list[str]) -> None:
    """Read a line as the command itself does, with all its options and values, and do nothing.

    Raises
    ------
    UnreadableError
        If a command, an option or an argument is unknown, missing, or of another kind.
    """
    command, left = walk(words)
    if {"--help", "--version"} & set(left):
        return
    if is_group(command):
        raise UnreadableError(f"there is no command {' '.join(words)!r}")
    try:
        command.make_context(" ".join(words), list(left))
    except Exception as error:  # click's, or that of the click which typer brings along
        if not hasattr(error, "format_message"):
            raise
        raise UnreadableError(error.format_message()) from None
