"""Whether the functions that tests rely on are still those that they were before a student's code ran.

What a test uses (``numpy.testing``, ``collections.Counter``, `coursekit.grading.Checks`) are objects in the student's
process, and Python lets anybody replace them. They are written down before, and looked at again after each test.
Data of a module may change, and new functions may come; a function or method that was there stays what it was.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any, Final

_OURS: Final = ("coursekit.grading.checks", "coursekit.config", "coursekit.cluster.spec")
_STANDARD: Final = ("builtins", "math", "collections", "functools", "itertools", "re", "json", "unittest.case")
# Libraries mend these themselves, when they are imported.
_PLUMBING: Final = ("IPython", "_frozen", "_abc", "abc", "enum", "types", "typing", "typing_extensions")
_HOOKS: Final = (
    "__eq__",
    "__ne__",
    "__lt__",
    "__le__",
    "__gt__",
    "__ge__",
    "__getattribute__",
    "__getattr__",
    "__bool__",
)


def take(names: Iterable[str]) -> Callable[[], str | None]:
    """Import modules and write down what their functions and classes are.

    Parameters
    ----------
    names : iterable of str
        The modules that the instructor's cells import; those that are not there are left out.

    Returns
    -------
    callable
        Gives the name of something that was replaced since, or None.
    """
    imported = _import([*_STANDARD, *_OURS, *names])
    _choose_backend()
    modules = _with_homes(imported)
    # One flat list of (dictionary or class, name, object, what the object was made of): what reads it uses nothing
    # of Python's but comparisons of identity, which nobody can replace.
    entries: list[tuple[Any, str, Any, str]] = []
    functions: list[tuple[FunctionType, Any, Any, Any, str]] = []
    classes: list[tuple[type, frozenset[str], str]] = []
    seen: set[int] = set()
    for module in modules:
        for key, value in list(vars(module).items()):
            if not callable(value):
                continue
            label = f"{module.__name__}.{key}"
            entries.append((vars(module), key, value, label))
            if id(value) in seen:
                continue
            seen.add(id(value))
            if type(value) is FunctionType:
                functions.append((value, value.__code__, value.__defaults__, value.__kwdefaults__, label))
            elif isinstance(value, type) and value.__module__ == module.__name__:
                _write_down_class(value, label, entries, functions, classes)
    missing = object()

    def changed() -> str | None:
        for namespace, key, value, label in entries:
            if namespace.get(key, missing) is not value:
                return label
        for function, code, defaults, keywords, label in functions:
            if (
                function.__code__ is not code
                or function.__defaults__ is not defaults
                or function.__kwdefaults__ is not keywords
            ):
                return label
        for kind, hooks, label in classes:
            for name in _HOOKS:
                if name in kind.__dict__ and name not in hooks:
                    return f"{label}.{name}"
        return None

    return changed


def _write_down_class(
    kind: type, label: str, entries: list[Any], functions: list[Any], classes: list[tuple[type, frozenset[str], str]]
) -> None:
    classes.append((kind, frozenset(name for name in _HOOKS if name in kind.__dict__), label))
    for name, member in list(kind.__dict__.items()):
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if type(function) is FunctionType:
            entries.append((kind.__dict__, name, member, f"{label}.{name}"))
            functions.append(
                (function, function.__code__, function.__defaults__, function.__kwdefaults__, f"{label}.{name}")
            )


def _import(names: Iterable[str]) -> list[ModuleType]:
    found = []
    for name in dict.fromkeys(names):
        with contextlib.suppress(Exception):  # a cell may try what is not there, and says so itself
            found.append(importlib.import_module(name))
    return found


def _choose_backend() -> None:
    """Let pyplot put its backend's functions among its own now, as the first plot otherwise does."""
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        pyplot.switch_backend(sys.modules["matplotlib"].get_backend())


def _with_homes(modules: list[ModuleType]) -> list[ModuleType]:
    """Add the modules in which what was imported is really defined, and coursekit's own."""
    homes = {
        home
        for module in modules
        for value in list(vars(module).values())
        if callable(value) and isinstance(home := getattr(value, "__module__", None), str)
    }
    homes |= {name for name in sys.modules if name.startswith("coursekit.") and "sandbox" not in name}
    found = {module.__name__: module for module in modules}
    for home in sorted(homes):
        if home in sys.modules and not home.startswith(_PLUMBING):
            found.setdefault(home, sys.modules[home])
    return [module for name, module in found.items() if name != "__main__"]
