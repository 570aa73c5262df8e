"""Show a failing cell's card: in a notebook as a picture of words, everywhere else as a few plain lines.

The cell fails all the same, with an error of the same name and value: what runs notebooks (papermill, nbgrader) sees
it. An exception that nothing is known of is shown as IPython shows it.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import warnings
from types import TracebackType
from typing import Any, Final

from coursekit.spark.cards import Card
from coursekit.spark.explain import explain
from coursekit.spark.facts import gather
from coursekit.spark.failure import read_failure

# pyspark logs an exception that it raises, with Java's trace, to stderr: the reader would get it twice.
_ECHOES: Final = ("DataFrameQueryContextLogger", "SQLQueryContextLogger")
# py4j does the same, through the root logger, when the process at its other end has died.
_BROKEN: Final = "Exception while sending command."
_DRIVER_ENDS_S: Final = 1.0


def kinds_of_failure() -> tuple[type[BaseException], ...]:
    """Give the exceptions that may have a card; those of pyspark only where it is installed."""
    kinds: tuple[type[BaseException], ...] = (ConnectionError,)
    with contextlib.suppress(ImportError):
        from py4j.protocol import Py4JError  # type: ignore[import-untyped]
        from pyspark.errors import PySparkException

        kinds += (Py4JError, PySparkException)
    return kinds


def silence_echoes() -> None:
    """Keep pyspark and py4j from writing to stderr what the card says."""
    logging.getLogger().addFilter(_is_no_echo)
    with contextlib.suppress(ImportError):
        from pyspark.logger import PySparkLogger

        for name in _ECHOES:
            PySparkLogger.getLogger(name).disabled = True
    warnings.filterwarnings("ignore", r"toPandas attempted Arrow optimization[\s\S]*can not continue")


def _is_no_echo(record: logging.LogRecord) -> bool:
    return record.msg != _BROKEN


def make_card(shell: Any, error: BaseException, trace: TracebackType | None) -> Card | None:
    """Explain an exception of a cell; None when nothing is known of it, or when explaining it fails."""
    try:
        if isinstance(error, ConnectionError) or type(error).__name__ in ("Py4JError", "Py4JNetworkError"):
            _wait_for_end_of_driver()
        failure = read_failure(
            error, trace, name_cell=lambda file: _name_cell(shell, file), ahead=_count_ahead(shell, trace)
        )
        return explain(failure, gather())
    except Exception:
        logging.getLogger(__name__).debug("no card", exc_info=True)
        return None


def show_card(shell: Any, kind: type[BaseException], error: BaseException, card: Card) -> list[str]:
    """Display a card and let the cell fail with a few plain lines."""
    from IPython.display import publish_display_data

    publish_display_data(  # type: ignore[no-untyped-call]
        {"text/html": card.as_html(), "text/plain": card.as_text()}
    )
    step = card.try_[0]
    shown = [
        f"\x1b[31m{kind.__name__}\x1b[0m: {card.title}.",
        *([card.evidence] if card.evidence else []),
        card.what,
        f"Try: {step.text}{'  ' + step.code.splitlines()[0] if step.code else ''}",
    ]
    shell._showtraceback(kind, _value_of(error), shown)
    return shown


def show_failure(
    shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType | None, tb_offset: Any = None
) -> Any:
    """IPython's hook for exceptions: the card, or what IPython shows."""
    card = make_card(shell, error, trace)
    if card is not None:
        return show_card(shell, kind, error, card)
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset, running_compiled_code=True)
    return None


def _value_of(error: BaseException) -> str:
    """Give what IPython would send as the value; py4j asks Java for it, which may be dead."""
    try:
        return str(error)
    except Exception:  # whatever a broken connection raises
        return type(error).__name__


def _name_cell(shell: Any, file: str) -> str:
    """Call a cell's temporary file what the reader calls it."""
    with contextlib.suppress(Exception):
        kind, name = shell.compile.format_code_name(file)
        return f"{kind} {name}"
    return file


def _count_ahead(shell: Any, trace: TracebackType | None) -> int:
    """Tell by how much IPython's counter is ahead of the cell that runs.

    pyspark names cells by that counter, and IPython 9 raises it before it runs a cell.
    """
    with contextlib.suppress(Exception):
        while trace is not None:
            kind, name = shell.compile.format_code_name(trace.tb_frame.f_code.co_filename) or ("", "")
            if kind == "Cell":
                return int(shell.execution_count) - int(name.removeprefix("In[").removesuffix("]"))
            trace = trace.tb_next
    return 0


def _wait_for_end_of_driver() -> None:
    """A connection breaks a moment before its process can be seen to have ended."""
    from pyspark import SparkContext

    process = getattr(SparkContext._gateway, "proc", None)
    if process is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_DRIVER_ENDS_S)
