"""Read an exception of Spark's into plain values, so that it can be explained without any Java process."""

from __future__ import annotations

import contextlib
import linecache
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final

from coursekit.spark.resources import Shortage

NameCell = Callable[[str], str]

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")
_FRAME: Final = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>.+)$', re.MULTILINE)
# Java's text of a Python error: the traceback, then Java's own frames.
_PYTHON: Final = re.compile(r"Traceback \(most recent call last\):\n.*?(?=\n\s*\tat |\n\s*\nDriver stack|\Z)", re.S)
# How pyspark writes a call site in a notebook, and elsewhere; Java's own call sites are none of the reader's.
_CALL_SITE: Final = re.compile(r"line (?P<cell_line>\d+) in cell \[(?P<cell>\d+)\]|(?P<file>[^\n]+):(?P<line>\d+)")
_NOT_THE_READERS: Final = ("site-packages/", "pyspark.zip/", "/lib/python3", "<frozen")


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonFailure:
    """The reader's own error in a task: what, and on which line of theirs.

    Parameters
    ----------
    error : str
        Like ``"ZeroDivisionError: division by zero"``.
    file, line, function
        The deepest frame that is the reader's; ``file`` is empty when there is none.
    place : str
        That frame in words: ``"cell 3, line 2"``.
    source : str
        That line of code, if it is known.
    """

    error: str
    file: str = ""
    line: int = 0
    function: str = ""
    place: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """An exception as plain values.

    Parameters
    ----------
    kind : str
        The exception's class.
    text : str
        All that it says, with Java's part.
    condition : str
        Spark's name of the error, like ``"CAST_INVALID_INPUT"``; empty when it has none.
    parameters : mapping of str to str
        What Spark puts into the error's message.
    fragment, call_site : str
        The part of the query that failed, and the reader's line that wrote it.
    python : PythonFailure or None
        The error in a task's Python.
    shortage : Shortage or None
        Why executors are missing, when that is the failure.
    trace : str
        For the reader who wants everything.
    """

    kind: str
    text: str
    condition: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    fragment: str = ""
    call_site: str = ""
    python: PythonFailure | None = None
    shortage: Shortage | None = None
    trace: str = ""


def read_failure(
    error: BaseException, trace: TracebackType | None = None, *, name_cell: NameCell = str, ahead: int = 0
) -> Failure:
    """Read an exception; what a dead Java process can no longer tell is left empty.

    Parameters
    ----------
    error : BaseException
        The exception.
    trace : traceback, optional
        Where it came from; its own when not given.
    name_cell : callable
        From the file name of a frame to what the reader calls it, such as ``"cell 3"``.
    ahead : int
        By how much the numbers that pyspark gives to cells are too large.
    """
    text = _text(error)
    parameters = _ask(error, "getMessageParameters") or {}
    fragment, call_site = _context(error)
    told = parameters.get("traceback", "") if parameters else ""
    return Failure(
        kind=type(error).__name__,
        text=text,
        condition=_ask(error, "getCondition") or "",
        parameters={str(key): str(value) for key, value in parameters.items()},
        fragment=fragment,
        call_site=_place_of(call_site, name_cell, ahead),
        python=_located(read_python(told or text), name_cell) if told or "PythonException" in text else None,
        shortage=shortage if isinstance(shortage := getattr(error, "shortage", None), Shortage) else None,
        trace=_whole(error, trace or error.__traceback__, text),
    )


def read_python(text: str) -> PythonFailure | None:
    """Find the Python traceback in a text, and the reader's deepest frame in it."""
    found = _PYTHON.search(text)
    if found is None:
        return None
    traceback_ = found[0].rstrip()
    frames = [frame for frame in _FRAME.finditer(traceback_) if not _is_foreign(frame["file"])]
    error = _last_error(traceback_)
    if not frames:
        return PythonFailure(error=error)
    last = frames[-1]
    return PythonFailure(error=error, file=last["file"], line=int(last["line"]), function=last["function"])


def _located(python: PythonFailure | None, name_cell: NameCell) -> PythonFailure | None:
    """Add what the driver knows and the executor does not: the number and the text of the reader's cell."""
    if python is None or not python.file:
        return python
    source = linecache.getline(python.file, python.line).strip()
    return replace(python, place=f"{name_cell(python.file)}, line {python.line}", source=source)


def _place_of(call_site: str, name_cell: NameCell, ahead: int) -> str:
    """Name a call site as the reader does."""
    found = _CALL_SITE.match(call_site)
    if found is None:
        return ""
    if found["cell"]:
        return f"Cell In[{int(found['cell']) - ahead}], line {found['cell_line']}"
    return f"{name_cell(found['file'])}, line {found['line']}"


def _is_foreign(file: str) -> bool:
    return any(mark in file for mark in _NOT_THE_READERS)


def _last_error(text: str) -> str:
    """Give what follows the last frame: the lines from the last one that is not indented."""
    lines = text.splitlines()
    start = max((index for index, line in enumerate(lines) if line.startswith("  ")), default=-1) + 1
    return "\n".join(lines[start:]).strip() or lines[-1].strip()


def _text(error: BaseException) -> str:
    """Give the message with Java's part; py4j asks Java for it, which may be dead."""
    try:
        text = str(error)
    except Exception:  # whatever a broken connection raises
        text = str(error.args[0]) if error.args else type(error).__name__
    java = getattr(error, "_stackTrace", None)
    return f"{text}\n{java}" if java else text


def _whole(error: BaseException, trace: TracebackType | None, text: str) -> str:
    """Write Python's trace and what Java says, each once."""
    frames = "".join(traceback.format_tb(trace))
    return _ANSI.sub("", f"Traceback (most recent call last):\n{frames}{type(error).__name__}: {text}")


def _ask(error: BaseException, method: str) -> Any:
    """Call one of Spark's methods on an error; None when it has none or Java does not answer."""
    call: Callable[[], Any] | None = getattr(error, method, None)
    if call is None:
        return None
    with contextlib.suppress(Exception):
        return call()
    return None


def _context(error: BaseException) -> tuple[str, str]:
    """Tell which part of a query failed and where it was written."""
    with contextlib.suppress(Exception):  # some errors have no context, and a dead Java no answer
        for context in getattr(error, "getQueryContext", list)():
            fragment = str(context.fragment())
            kind = context.contextType().name
            return fragment, str(context.callSite()) if kind == "DataFrame" else ""
    return "", ""
