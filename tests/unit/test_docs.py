"""The documents say what is there, and what is there is in the documents."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from coursekit import errors
from coursekit.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
COMMAND = typer.main.get_command(app)
# What stands for a value in a line that shows how a command is used.
PLACE = re.compile(r"[A-Z]+|\.\.\.|<.*>|\[.*")


def subclasses(kind: type[errors.CoursekitError]) -> Iterator[type[errors.CoursekitError]]:
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def lines_of(page: Path) -> list[str]:
    """Give the lines and the inline pieces of code that call the command."""
    text = page.read_text()
    blocks = "\n".join(re.findall(r"^```(?:\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)).splitlines()
    inline = re.findall(r"(?<!`)`(coursekit [^`]+)`", text)
    found = [line.split("#")[0].strip() for line in (*blocks, *inline)]
    return [line for line in found if re.match(r"coursekit [a-z]", line)]


def walk(words: list[str]) -> tuple[Any, list[str]]:
    """Follow a command's words down, and give it with the rest of the line."""
    command = COMMAND
    while words and is_group(command) and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def is_group(command: Any) -> bool:
    return hasattr(command, "commands")


def options_of(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


def commands(group: Any, before: str = "coursekit") -> Iterator[str]:
    for name, command in group.commands.items():
        if is_group(command):
            yield from commands(command, f"{before} {name}")
        elif not command.hidden:
            yield f"{before} {name}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_and_options_that_a_page_shows_exist(page):
    for line in lines_of(page):
        for part in line.replace("\\|", "|").split("&&"):
            words = shlex.split(part.strip().removeprefix("coursekit "))
            # `coursekit hub up|down` stands for two commands
            first, *rest = words
            group = COMMAND.commands[first]
            alternatives = rest[0].split("|") if rest and "|" in rest[0] and is_group(group) else [None]
            for alternative in alternatives:
                command, left = walk([first, *([alternative, *rest[1:]] if alternative else rest)])
                if is_group(command):
                    assert not left or PLACE.match(left[0]) or left[0].startswith("-"), f"{page.name}: {line}"
                unknown = {word.split("=")[0] for word in left if word.startswith("--")} - options_of(command)
                assert not unknown, f"{page.name}: {line}"


def test_every_command_is_in_the_documents():
    shown = "\n".join(page.read_text() for page in PAGES).replace("\\|", "|")
    groups = {name: set(rest.split("|")) for name, rest in re.findall(r"coursekit ([a-z]+) ([a-z|]+)", shown)}
    for name, rest in re.findall(r"coursekit ([a-z]+) ([a-z|]+)", shown):
        groups[name] |= set(rest.split("|"))
    missing = []
    for command in commands(COMMAND):
        _, group, *name = command.split()
        known = f"coursekit {group}" in shown if not name else name[0] in groups.get(group, set())
        if not known:
            missing.append(command)
    assert missing == []


def test_every_exit_code_is_in_the_reference_and_every_one_there_exists():
    told = {name: int(code) for code, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", REFERENCE, re.MULTILINE)}
    assert told == {one.__name__: one.exit_code for one in subclasses(errors.CoursekitError)}


def test_every_environment_variable_is_in_the_reference_and_every_one_there_is_read():
    package = (path.read_text() for path in (ROOT / "coursekit").rglob("*.py"))
    read = {name for text in package for name in re.findall(r"\bCOURSEKIT_[A-Z_]*[A-Z]\b", text)}
    told = set(re.findall(r"`(COURSEKIT_[A-Z_]+)`", REFERENCE))
    assert told == read
    elsewhere = {name for page in PAGES for name in re.findall(r"\bCOURSEKIT_[A-Z_]*[A-Z]\b", page.read_text())}
    assert elsewhere - read <= {"COURSEKIT_REQUIRE_DOCKER", "COURSEKIT_POSTGRESQL"}  # of the tests


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_within_the_project_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, heading = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name}: {target}"
        if heading:
            assert heading in headings_of(linked), f"{page.name}: {target}"


def headings_of(page: Path) -> set[str]:
    """Give the headings of a page as GitHub writes them in addresses."""
    lines = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def test_targets_of_make_that_the_documents_name_exist():
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`make ([a-z-]+)", page.read_text())}
    named |= {name for page in PAGES for name in re.findall(r"^make ([a-z-]+)", page.read_text(), re.MULTILINE)}
    assert named <= targets
