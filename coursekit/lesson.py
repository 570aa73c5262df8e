"""What a lesson does with its reader: lock a prediction, compare it with the result, check an exercise.

    lesson = Lesson("01-containers-to-clusters")
    lesson.predict("rounds", 2.0, unit="s")      # the first answer is kept with its time; later ones change nothing
    lesson.reveal("rounds", measured, unit="s")  # what came out, beside what was predicted
    lesson.check("waves", waves, test_waves)     # a function, or a value, and the asserts that it has to pass

An answer that is still ``...`` is no mistake: every call says "not yet" and goes on, so that an untouched lesson runs
to its end. Predictions count as made or not made, never as right or wrong: making one is what helps to learn
(C. Crouch et al., Am. J. Phys. 72, 835, 2004).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from coursekit.config import run_dir
from coursekit.errors import SettingsError

Answer = float | str
T = TypeVar("T")
Mark = Literal["locked", "right", "wrong", "not yet", "result"]

# Told apart by sign and word as well as by colour.
_LOOKS: Final[dict[Mark, tuple[str, str]]] = {
    "locked": ("\N{LOCK}", "#0072B2"),
    "right": ("\N{CHECK MARK}", "#009E73"),
    "wrong": ("\N{BALLOT X}", "#D55E00"),
    "not yet": ("\N{WHITE CIRCLE}", "#767676"),
    "result": ("\N{RIGHTWARDS ARROW}", "#0072B2"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a reader expected before running the cells: the answer and when it was given (ISO 8601, with zone)."""

    answer: Answer
    made: str


class Lesson:
    """One reader's way through one lesson.

    Parameters
    ----------
    name : str
        The lesson's stem, such as ``"01-containers-to-clusters"``.
    directory : Path, optional
        Where predictions are kept, one JSON file a lesson; a folder of the reader's own when not given.
    """

    def __init__(self, name: str, *, directory: Path | None = None) -> None:
        self.name = name
        self._path = (directory or run_dir() / "lessons") / f"{name}.json"
        self._checked: dict[str, Mark] = {}

    @property
    def predictions(self) -> dict[str, Prediction]:
        """The predictions made so far, by name; a file that cannot be read counts as none."""
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            return {name: Prediction(**entry) for name, entry in stored.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def predict(self, name: str, answer: Any = ..., *, options: Sequence[str] = (), unit: str = "") -> None:
        """Lock a prediction: the first answer stays, whatever is written later.

        Parameters
        ----------
        name : str
            Of the question, unique in the lesson.
        answer : float or str
            A number, or one of ``options``; ``...`` for none yet.
        options : sequence of str
            The letters of a choice; empty for a number.
        unit : str
            Of the number.

        Raises
        ------
        SettingsError
            If the answer is neither a number nor one of the options.
        """
        made = self.predictions.get(name)
        if made is not None:
            _show("locked", f"{_write(made.answer, unit)}, predicted {_when(made.made)}. The first answer stays.")
        elif answer is ... or answer is None:
            _show("not yet", "No prediction yet: put your answer in place of the three dots, and run this cell first.")
        else:
            made = Prediction(answer=_read(answer, options), made=datetime.now().astimezone().isoformat("T", "seconds"))
            self._store({**self.predictions, name: made})
            _show("locked", f"{_write(made.answer, unit)}, predicted {_when(made.made)}. Now run the next cells.")

    def reveal(self, name: str, result: Answer, *, unit: str = "") -> None:
        """Say what came out, beside what was predicted.

        Parameters
        ----------
        name : str
            The question's, as in `predict`.
        result : float or str
            What was measured, or the letter of the option that holds.
        unit : str
            Of the number.
        """
        made = self.predictions.get(name)
        before = "You made no prediction." if made is None else f"You predicted {_write(made.answer, unit)}."
        _show("result", f"{before} The result: {_write(result, unit)}.")

    def check(self, name: str, answer: T, test: Callable[[T], object]) -> None:
        """Test an answer and say what comes of it; nothing is raised, so that the lesson goes on.

        Parameters
        ----------
        name : str
            Of the exercise, unique in the lesson.
        answer : object
            What was asked for, often a function; ``...``, None or a function that raises NotImplementedError is an
            exercise nobody has begun.
        test : callable
            Asserts what has to hold; an assertion's message tells the reader what to look at.
        """
        mark, message = _try(answer, test)
        self._checked[name] = mark
        _show(mark, f"Exercise “{name}”: {message}")

    def progress(self) -> None:
        """Count the predictions made and the exercises solved in this run of the notebook."""
        solved = sum(mark == "right" for mark in self._checked.values())
        done = bool(self._checked) and solved == len(self._checked)
        predictions = f"{len(self.predictions)} predictions made"
        _show("right" if done else "result", f"{predictions}; {solved} of {len(self._checked)} exercises solved.")

    def _store(self, predictions: dict[str, Prediction]) -> None:
        """Write all predictions in one step, so that a kernel that dies leaves the old file or the new one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        beside.write_text(json.dumps({name: asdict(made) for name, made in predictions.items()}, indent=1) + "\n")
        beside.replace(self._path)


def _read(answer: Any, options: Sequence[str]) -> Answer:
    if options:
        letter = str(answer).strip().lower()
        if letter not in options:
            raise SettingsError(f"{answer!r} is not among the options.", fix=f"answer one of {', '.join(options)}")
        return letter
    try:
        return float(answer)
    except (TypeError, ValueError):
        raise SettingsError(f"{answer!r} is not a number.", fix="answer with a number, such as 2.5") from None


def _try(answer: T, test: Callable[[T], object]) -> tuple[Mark, str]:
    if answer is ... or answer is None:
        return "not yet", "not yet. Put your answer in place of the three dots."
    try:
        test(answer)
    except NotImplementedError:
        return "not yet", "not yet. Write the function first."
    except AssertionError as error:
        return "wrong", f"not right yet. {error or 'The test gives no reason.'}"
    except Exception as error:  # the reader's own code may raise anything
        return "wrong", f"your code stopped with {type(error).__name__}: {error}"
    return "right", "right."


def _write(value: Answer, unit: str) -> str:
    text = value if isinstance(value, str) else f"{value:.3g}"
    return f"{text} {unit}".strip()


def _when(made: str) -> str:
    return f"on {datetime.fromisoformat(made):%d %B %Y at %H:%M}"


def _show(mark: Mark, message: str) -> None:
    """Show one line: coloured in a notebook, plain elsewhere."""
    sign, colour = _LOOKS[mark]
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        print(sign, message)
        return
    if get_ipython() is None:
        print(sign, message)
        return
    html = f"<div style='border-left:4px solid {colour};padding:2px 10px'>{sign} {escape(message)}</div>"
    display({"text/plain": f"{sign} {message}", "text/html": html}, raw=True)  # type: ignore[no-untyped-call]
