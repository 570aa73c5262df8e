"""One trial of a search: what runs in a Spark task, on one thread."""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Evaluate = Callable[..., Any]

_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_PROCESSES_MAX: Final = 2


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What to try.

    Parameters
    ----------
    number : int
        The first is 0.
    values : dict
        Of the hyper-parameters.
    seed : int
        The trial's own.
    budget : int or None
        What it may spend, in successive halving.
    """

    number: int
    values: dict[str, Any]
    seed: int
    budget: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a trial.

    Parameters
    ----------
    trial : Trial
        Which.
    metrics : dict of str to float
        What the reader's function gave; empty when it failed.
    seconds : float
        Wall time, s.
    error : str
        What it raised; empty when it did not.
    trace : str
        Where.
    """

    trial: Trial
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    trace: str = ""


def run_trial(evaluate: Evaluate, trial: Trial, *, attempt: int = 0) -> Outcome:
    """Try values; whatever the reader's function raises is a result too.

    Parameters
    ----------
    evaluate : callable
        Takes the values by name, and ``seed`` and ``budget`` if it has parameters of these names; gives a number or a
        mapping of numbers.
    trial : Trial
        What to try.
    attempt : int
        How often Spark has tried before: it does so again when a process is killed, mostly for its memory.
    """
    if attempt >= _PROCESSES_MAX:
        return Outcome(trial=trial, error=f"its process was killed {attempt} times; most often memory runs out")
    began = time.monotonic()
    try:
        with one_thread():
            metrics = _as_metrics(evaluate(**_arguments(evaluate, trial)))
        return Outcome(trial=trial, metrics=metrics, seconds=time.monotonic() - began)
    except Exception as error:  # whatever the reader's function raises
        told = f"{type(error).__name__}: {error}"
        return Outcome(trial=trial, seconds=time.monotonic() - began, error=told, trace=traceback.format_exc())


def _arguments(evaluate: Evaluate, trial: Trial) -> dict[str, Any]:
    parameters = inspect.signature(evaluate).parameters
    own = {"seed": trial.seed, "budget": trial.budget}
    return {**trial.values, **{name: value for name, value in own.items() if name in parameters and value is not None}}


def _as_metrics(given: Any) -> dict[str, float]:
    if isinstance(given, Mapping):
        return {str(name): float(value) for name, value in given.items()}
    return {"score": float(given)}


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let numerical libraries compute with one thread: Spark runs as many trials at once as there are cores."""
    os.environ |= dict.fromkeys(_THREADS, "1")
    if "tensorflow" not in sys.modules:
        os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:  # it comes with scikit-learn
        yield
        return
    with threadpool_limits(1):
        yield
