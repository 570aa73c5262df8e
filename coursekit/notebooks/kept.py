"""Results that are kept: a notebook that passed is not executed again while nothing that it depends on has changed.

What it depends on: its own text and the files that are copied beside it, its parameters, what runs it (this environment
or an image), the data sets' catalogue, and those of coursekit's modules that its imports lead to, also imports inside
functions. So a changed word in the Hub's code executes no lesson, and a changed line of `coursekit.measure` those that
measure.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from coursekit.notebooks.catalog import Notebook
from coursekit.syntax import parse

_ALWAYS: Final = ("coursekit.notebooks.execute", "coursekit.notebooks.kernel")
# A magic or a shell command, with the name that its result gets.
_MAGIC: Final = re.compile(r"^(\s*(?:[\w, ]+=\s*)?)[%!].*$", re.MULTILINE)
_PACKAGE: Final = "coursekit"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What is known of an earlier execution that passed.

    Parameters
    ----------
    key : str
        What it depended on (see `key_of`).
    executed : str
        SHA-256 of the executed notebook.
    seconds : float
        How long it took, s.
    when : str
        When it ended, ISO 8601.
    device : str
        Which device its frameworks computed on.
    memory : int
        The most that it held at once, bytes.
    """

    key: str
    executed: str
    seconds: float
    when: str
    device: str
    memory: int = 0


def read_kept(record: Path, executed: Path, key: str) -> Kept | None:
    """Give the earlier execution if it still holds: the same key, and the executed notebook as it was written."""
    kept = read_record(record, executed)
    return kept if kept is not None and kept.key == key else None


def read_record(record: Path, executed: Path) -> Kept | None:
    """Give the earlier execution, whatever has changed since, if the executed notebook is as it was written."""
    try:
        kept = Kept(**json.loads(record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return kept if kept.executed == _digest_of(executed) else None


def keep(record: Path, executed: Path, key: str, *, seconds: float, when: str, device: str, memory: int = 0) -> None:
    """Note an execution that passed, in one step."""
    kept = Kept(key=key, executed=_digest_of(executed), seconds=seconds, when=when, device=device, memory=memory)
    beside = record.with_suffix(".tmp")
    beside.write_text(json.dumps(asdict(kept), indent=1) + "\n", encoding="utf-8")
    beside.replace(record)


def key_of(notebook: Notebook, *, parameters: Mapping[str, Any], runs_on: str, beside: Iterable[Path] = ()) -> str:
    """Name everything that a notebook's result depends on.

    Parameters
    ----------
    notebook : Notebook
        Which.
    parameters : mapping
        What its parameters cell is given.
    runs_on : str
        What runs it: the name of the engine, and the digest of an image or of an environment.
    beside : iterable of Path
        Files that it finds in its folder.
    """
    found = hashlib.sha256(json.dumps([runs_on, dict(parameters)], sort_keys=True).encode())
    for path in (notebook.path, *sorted(beside), *modules_used(notebook.path), *sorted(_tables())):
        found.update(f"{path.name}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def environment() -> str:
    """Name this Python and the packages that are installed, without coursekit's own code."""
    installed = (f"{each.name} {each.version}" for each in importlib.metadata.distributions())
    return hashlib.sha256("\n".join((sys.version, *sorted(installed))).encode()).hexdigest()


def modules_used(path: Path) -> tuple[Path, ...]:
    """Give the files of coursekit's modules that a notebook's imports lead to, in the order of their names."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    todo = set(_ALWAYS)
    for cell in cells:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            todo |= set(_imports(source, ""))
            if _MAGIC.search(source):
                todo.add(f"{_PACKAGE}.spark.magic")
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo |= set(_imports_of(name))
    return tuple(file for name in sorted(seen) if (file := _file_of(name)) is not None)


@functools.cache
def _imports_of(module: str) -> tuple[str, ...]:
    """Give the modules of coursekit that a module of it imports, anywhere in its text."""
    path = _file_of(module)
    if path is None:
        return ()
    if module == _PACKAGE:  # it imports others when they are asked for, so that asking is what counts
        return (f"{_PACKAGE}.config", f"{_PACKAGE}.errors")
    parents = (module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1))
    return (*_imports(path.read_text(encoding="utf-8"), module), *parents)


def _imports(source: str, module: str) -> Iterator[str]:
    """Give names that code imports from coursekit; of ``from a import b`` both a and a.b, for b may be a module."""
    try:
        tree = parse(_MAGIC.sub(r"\1None", source))
    except SyntaxError:  # the notebook will tell; its own text is part of the key
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == _PACKAGE)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == _PACKAGE:
            assert node.module is not None
            yield node.module
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
                if node.module == _PACKAGE and alias.name in _lazy():
                    yield _lazy()[alias.name]


def _lazy() -> Mapping[str, str]:
    import coursekit

    return coursekit._HOMES


@functools.cache
def _file_of(module: str) -> Path | None:
    import coursekit

    path = Path(coursekit.__path__[0]).joinpath(*module.split(".")[1:])
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.is_file():
            return file
    return None


def _tables() -> list[Path]:
    """Which data sets there are is in no module."""
    import coursekit

    package = Path(coursekit.__path__[0])
    folders = (package.parent / "datasets", package / "datasets")
    return [path for folder in folders if (path := folder / "catalog.toml").is_file()]


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
