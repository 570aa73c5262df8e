"""The documents say what is there, and what is there is in the documents."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer.cli
from docs_pages import (
    COMMAND,
    GENERATED,
    NOTEBOOKS,
    PAGES,
    ROOT,
    UnreadableError,
    is_group,
    name_of,
    parse,
    plain_blocks,
    shown_commands,
    simple_commands,
    walk,
)

from coursekit import errors
from coursekit.grading.deadlines import Deadline
from coursekit.hub.settings import HubSettings, Lti13, OAuth, Profile
from coursekit.hub.settings import hub as hub_settings
from coursekit.hub.settings import quotas as quota_settings
from coursekit.hub.settings.login import Login
from coursekit.notebooks.contract import Contract
from coursekit.sandbox.limits import Limits

NAMES = [name_of(page) for page in PAGES]
WRITTEN = [page for page in PAGES if page != GENERATED]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
# What stands for a value in a line that shows how a command is used.
PLACE = re.compile(r"[A-Z]+|\.\.\.|<.*>|\[.*")
PROGRAMS = (
    "cat",
    "cd",
    "coursekit",
    "curl",
    "docker",
    "export",
    "git",
    "gzip",
    "make",
    "nbgrader",
    "python",
    "pytest",
    "tail",
    "tar",
    "uv",
)


def subclasses(kind: type[errors.CoursekitError]) -> Iterator[type[errors.CoursekitError]]:
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def options_of(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


def commands(group: Any, before: str = "coursekit") -> Iterator[str]:
    for name, command in group.commands.items():
        if is_group(command):
            yield from commands(command, f"{before} {name}")
        elif not command.hidden:
            yield f"{before} {name}"


def section(heading: str) -> str:
    """Give one section of the reference."""
    return re.split(r"^## ", REFERENCE.split(f"## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def keys_in(heading: str) -> set[str]:
    """Give what stands in the first column of a section's table."""
    rows = re.findall(r"^\| (`.+?) \|", section(heading), re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("page", WRITTEN, ids=map(name_of, WRITTEN))
def test_commands_that_a_page_shows_are_read_by_the_command_itself(page):
    for shown in shown_commands(page):
        for first, *rest in shown.words:
            if first == "coursekit":
                try:
                    parse(rest)
                except UnreadableError as error:
                    pytest.fail(f"{shown.page}: {shown.line}: {error}")


@pytest.mark.parametrize(
    "line", ["hub up --ports 1", "assignment gate a1 a2", "dataset get", "cluster up --workers two", "hub start"]
)
def test_a_line_that_the_command_would_refuse_is_found(line):
    with pytest.raises(UnreadableError):
        parse(line.split())


def test_lines_of_a_shell_are_taken_apart():
    line = "A=1 coursekit usage --csv > all.csv && make lint  # as CI does"
    assert simple_commands(line) == (("coursekit", "usage", "--csv"), ("make", "lint"))


@pytest.mark.parametrize("page", WRITTEN, ids=map(name_of, WRITTEN))
def test_programs_that_a_page_calls_are_known_and_blocks_of_commands_say_that_they_are(page):
    for shown in shown_commands(page):
        for first, *_ in shown.words:
            assert first in PROGRAMS, f"{shown.page}: {shown.line}"
    hidden = [line for line in plain_blocks(page) if re.match(rf"(\$ )?({'|'.join(PROGRAMS)}) [a-z-]", line)]
    assert not hidden, f"{page.name}: put them into a block of the kind console"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_and_options_in_the_text_of_a_page_exist(page):
    for piece in re.findall(r"(?<!`)`(coursekit [a-z][^`]*)`", page.read_text()):
        for words in simple_commands(piece.replace("\\|", "/").replace("|", "/").replace("<", "").replace(">", "")):
            if words[0] != "coursekit":
                continue
            # `coursekit hub up|down` stands for two commands
            _, first, *rest = words
            group = COMMAND.commands[first]
            several = rest[0].split("/") if rest and is_group(group) and "/" in rest[0] else []
            for line in [[first, name, *rest[1:]] for name in several] or [[first, *rest]]:
                command, left = walk(line)
                if is_group(command):
                    assert not left or PLACE.match(left[0]) or left[0].startswith("-"), f"{page.name}: {piece}"
                unknown = {word.split("=")[0] for word in left if word.startswith("--")} - options_of(command)
                assert not unknown, f"{page.name}: {piece}"


def test_every_command_with_its_options_is_in_the_list_of_commands_as_it_is_now():
    written = typer.cli.get_docs_for_click(obj=COMMAND, ctx=click.Context(COMMAND), name="coursekit")
    assert GENERATED.read_text().strip() == written.strip(), "make format writes it anew"


def test_every_command_is_in_what_people_read():
    shown = "\n".join(page.read_text() for page in WRITTEN).replace("\\|", "|")
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


def test_benchmarks_that_are_shown_exist_with_their_options():
    for shown in (one for page in WRITTEN for one in shown_commands(page)):
        for program, *words in shown.words:
            if program == "python" and words[0].startswith("benchmarks/"):
                source = (ROOT / words[0]).read_text()
                unknown = [word for word in words if word.startswith("--") and f'"{word}"' not in source]
                assert not unknown, shown.line


def test_every_exit_code_is_in_the_reference_and_every_one_there_exists():
    told = {name: int(code) for code, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", REFERENCE, re.MULTILINE)}
    assert told == {one.__name__: one.exit_code for one in subclasses(errors.CoursekitError)}


def test_errors_that_pages_name_exist_and_have_the_exit_code_that_stands_beside_them():
    known = {one.__name__ for one in subclasses(errors.CoursekitError)}
    codes = {one.exit_code for one in subclasses(errors.CoursekitError)}
    elsewhere = {"NotImplementedError", "CellTimeoutError", "DeadKernelError", "StackOverflowError"}
    for page in WRITTEN:
        if "teaching" not in page.parts:
            named = set(re.findall(r"`([A-Z]\w+Error)`", page.read_text())) - elsewhere
            assert named <= known, page.name
            assert {int(code) for code in re.findall(r"\(exit code (\d+)\)", page.read_text())} <= codes | {137}, (
                page.name
            )


def test_every_environment_variable_is_in_the_reference_and_every_one_there_is_read():
    package = (path.read_text() for path in (ROOT / "coursekit").rglob("*.py"))
    read = {name for text in package for name in re.findall(r"\bCOURSEKIT_[A-Z_]*[A-Z]\b", text)}
    told = set(re.findall(r"`(COURSEKIT_[A-Z_]+)`", REFERENCE))
    assert told == read
    elsewhere = {name for page in PAGES for name in re.findall(r"\bCOURSEKIT_[A-Z_]*[A-Z]\b", page.read_text())}
    of_tests = {"COURSEKIT_ONLINE", "COURSEKIT_POSTGRESQL", "COURSEKIT_REQUIRE_DOCKER"}
    assert elsewhere - read <= of_tests


def fields_of(kind: Any, before: str, *, without: tuple[str, ...] = ()) -> set[str]:
    return {f"{before}{field.name}" for field in dataclasses.fields(kind) if field.name not in without}


def test_every_key_of_the_course_file_is_in_the_reference_and_every_one_there_is_read():
    tables = ("profiles", "quotas", "login", "storage", "network", "root")
    read = (
        fields_of(HubSettings, "", without=tables)
        | fields_of(Profile, "profiles.NAME.", without=("name",))
        | {f"quotas.{key}" for key in quota_settings._KEYS if key != "users"}
        | {"quotas.course_hours.cluster", "quotas.course_hours.zone", "quotas.users.NAME"}
        | fields_of(Login, "login.", without=("oauth", "lti13"))
        | fields_of(OAuth, "login.oauth.")
        | fields_of(Lti13, "login.lti13.")
        | fields_of(hub_settings.Storage, "storage.")
        | fields_of(hub_settings.Network, "network.")
        | fields_of(Deadline, "assignments.NAME.", without=("extensions",))
        | {"assignments.NAME.extensions.STUDENT"}
    )
    assert keys_in("The course file") == read


def test_every_key_that_the_course_file_itself_shows_is_in_the_reference():
    text = (ROOT / "hub" / "course.toml").read_text()
    shown = set(re.findall(r"^(?:# )?([a-z_0-9]+) = ", text, re.MULTILINE))
    told = {part for key in keys_in("The course file") for part in key.split(".")}
    assert shown - told <= {"begin", "days", "end", "ada", "zone"}
    assert tomllib.loads(text)["title"]


def test_every_key_of_a_notebooks_contract_is_in_the_reference_and_every_one_there_is_read():
    read = fields_of(Contract, "", without=("limits",)) | fields_of(Limits, "limits.")
    assert keys_in("A notebook's contract") == read


def test_the_data_sets_that_lessons_read_are_those_that_operators_are_told_to_make():
    told = set()
    for shown in shown_commands(ROOT / "docs" / "operating.md"):
        for words in shown.words:
            if words[:3] == ("coursekit", "dataset", "get"):
                options = dict(zip(words[4::2], words[5::2], strict=True))
                rows, seed = int(options["--rows"]), int(options.get("--seed", 0))
                told.add((words[3], rows, seed, options.get("--format")))
    assert {asked for path in NOTEBOOKS for asked in data_sets_of(path)} <= told


def data_sets_of(path: Path) -> Iterator[tuple[str, int, int, str | None]]:
    """Evaluate a notebook's calls of ``dataset`` with the numbers at its top, and with what its loops go through."""
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {}
    for cell in cells:
        if "parameters" in cell["metadata"].get("tags", ()):
            exec("".join(cell["source"]), names)
    trees = [python_of("".join(cell["source"])) for cell in cells]
    bound = dict(names)
    for statement in (statement for tree in trees for statement in tree.body):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            with contextlib.suppress(Exception):  # only the run knows it
                bound.setdefault(statement.targets[0].id, value_of(statement.value, bound))
    nodes = [node for tree in trees for node in ast.walk(tree)]
    choices: dict[str, list[Any]] = {}
    for loop in nodes:
        if isinstance(loop, ast.For):
            with contextlib.suppress(Exception):  # it goes through what only the run knows
                choices.setdefault(ast.unparse(loop.target), []).extend(value_of(loop.iter, names))
    called: list[tuple[str, dict[str, Any]]] = []
    record = {"dataset": lambda name, **options: called.append((name, options))}
    whole = [node for node in nodes if isinstance(node, ast.DictComp | ast.ListComp) and calls_of(node)]
    inside = {id(call) for node in whole for call in calls_of(node)}
    for node in whole:
        value_of(node, bound | record)
    for call in (call for tree in trees for call in calls_of(tree) if id(call) not in inside):
        if any(each.arg == "source" for each in call.keywords):  # a file of the reader's own
            continue
        free = sorted({each.id for each in ast.walk(call) if isinstance(each, ast.Name)} - {"dataset"} - names.keys())
        for values in itertools.product(*(choices[name] for name in free)):
            value_of(call, names | record | dict(zip(free, values, strict=True)))
    for name, options in called:
        kind = options.get("format", "parquet")
        yield name, options["rows"], options.get("seed", 0), None if kind == "parquet" else kind


def calls_of(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "dataset"]


def python_of(source: str) -> ast.Module:
    """Read a cell without its magics."""
    lines = source.splitlines()
    return ast.parse("\n".join("" if re.match(r"\s*[%!]|\w+ = %", line) else line for line in lines))


def value_of(expression: ast.expr, names: dict[str, Any]) -> Any:
    return eval(ast.unparse(expression), {"__builtins__": {"range": range, "enumerate": enumerate}, **names})


def test_targets_of_make_that_the_documents_name_exist():
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`make ([a-z-]+)", page.read_text())}
    named |= {
        words[1] for page in PAGES for shown in shown_commands(page) for words in shown.words if words[0] == "make"
    }
    assert named <= targets


def test_every_metric_of_the_gateway_is_told_and_every_one_that_is_told_exists():
    source = (ROOT / "coursekit" / "gateway" / "metrics.py").read_text()
    page = (ROOT / "docs" / "monitoring.md").read_text()
    told = {name.removesuffix("_total") for name in re.findall(r"`(coursekit_\w+)", page)}
    assert told == {name.removesuffix("_total") for name in re.findall(r'"(coursekit_\w+)"', source)}


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages <= set(re.findall(r"\]\(([\w-]+\.md)", index))
    assert "docs/README.md" in (ROOT / "README.md").read_text()


def test_every_failure_card_is_in_the_page_about_errors():
    known = (ROOT / "docs" / "errors.md").read_text()
    for module in ("explain.py", "losses.py", "progress_state.py"):
        for title in titles_of_cards((ROOT / "coursekit" / "spark" / module).read_text()):
            assert title in known, f"{module}: {title}"


def titles_of_cards(source: str) -> Iterator[str]:
    """Give how the titles of cards begin, as far as they are the same for all."""
    for node in ast.walk(ast.parse(source)):
        texts: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Card":
            texts = [node.args[0]]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "title":
            texts = [node.value]
        for text in texts:
            if isinstance(text, ast.JoinedStr):
                fixed = [str(part.value) for part in text.values if isinstance(part, ast.Constant)]
                yield max(fixed, key=len).strip(" `:")
            elif isinstance(text, ast.Constant):
                yield str(text.value)


def test_what_texts_in_the_code_name_of_the_documents_is_there():
    places = [ROOT / "coursekit", ROOT / "hub", ROOT / "tests"]
    files = [path for place in places for kind in ("*.py", "*.toml", "*.yaml") for path in place.rglob(kind)]
    found = 0
    for path in files:
        for name, heading in re.findall(r"(docs/[\w/-]+\.md)(?:, ([A-Z][\w' ]+))?", path.read_text()):
            found += 1
            if name in {"docs/teaching/plans.md", "docs/teaching/01-clusters.md"}:  # made for the site, and by its test
                continue
            assert (ROOT / name).is_file(), f"{path.name}: {name}"
            if heading:
                assert f"## {heading}\n" in (ROOT / name).read_text(), f"{path.name}: {name}, {heading}"
    assert found > 3
