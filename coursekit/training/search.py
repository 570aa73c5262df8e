"""`search_on_executors`: many small trainings at once, each on one thread of the cluster."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final, Literal

from coursekit.errors import SettingsError, TrainingError
from coursekit.training.place import Place
from coursekit.training.show import Display
from coursekit.training.space import Values, draw, grid, seeds
from coursekit.training.trial import Evaluate, Outcome, Trial, run_trial

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

Method = Literal["random", "grid", "halving"]

_RESERVED: Final = ("trial", "budget", "seconds", "error")


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What came of a search.

    Parameters
    ----------
    table : DataFrame
        A row for each trial, the best first and failed ones last: number, values, metrics, seconds and error
        (empty when there was none); with halving also the budget.
    best : dict
        The best trial's values.
    best_score : float
        Its metric.
    seconds : float
        From the call to the end, s.
    errors : dict of int to str
        The whole trace of each trial that failed.
    """

    table: pd.DataFrame
    best: dict[str, Any]
    best_score: float
    seconds: float
    errors: dict[int, str]

    def __repr__(self) -> str:
        failed = f", {len(self.errors)} failed" if self.errors else ""
        return (
            f"SearchResult({len(self.table)} trials{failed} in {self.seconds:.1f} s; best {self.best_score:.4f}: "
            f"{', '.join(f'{name}={value!r}' for name, value in self.best.items())})"
        )


def search_on_executors(
    evaluate: Evaluate,
    space: Values,
    *,
    method: Method = "random",
    trials: int = 20,
    metric: str = "score",
    maximize: bool = True,
    seed: int = 0,
    budgets: tuple[int, ...] = (1, 3, 9),
    spark: SparkSession | None = None,
    show: bool = True,
) -> SearchResult:
    """Search for hyper-parameters; the trials run on the cluster's executors, one thread each.

    Parameters
    ----------
    evaluate : callable
        Takes the values by name and gives a number, or a mapping of numbers. If it has a parameter ``seed``, it gets
        one of the trial's own. It reads its data itself, and imports what it needs.
    space : mapping of str to list or Uniform
        What to choose from.
    method : {"random", "grid", "halving"}
        ``random`` draws ``trials`` combinations, ``grid`` takes all. ``halving`` draws ``trials`` of them, gives each
        the first of ``budgets``, the best of them the next, and so on: as many go on as the budget grows, so that each
        round costs about the same (K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and
        hyperparameter optimization", AISTATS 2016). ``evaluate`` needs a parameter ``budget`` then.
    trials : int
        How many to draw.
    metric : str
        Which of the numbers to go by; ``"score"`` is the one when ``evaluate`` gives one number.
    maximize : bool
        Whether large values are good.
    seed : int
        The same gives the same trials and trials' seeds, however many executors there are.
    budgets : tuple of int
        Of ``halving``, growing; what they count is up to ``evaluate``: epochs, trees, rows.
    spark : SparkSession, optional
        The active session when not given.
    show : bool
        Show progress.

    Returns
    -------
    SearchResult
        A table of all trials, and the best.

    Raises
    ------
    SettingsError
        If space, trials or budgets cannot be.
    TrainingError
        If every trial failed.

    Examples
    --------
    >>> def evaluate(depth, rate, seed):
    ...     from sklearn.datasets import load_breast_cancer
    ...     from sklearn.ensemble import HistGradientBoostingClassifier
    ...     from sklearn.model_selection import cross_val_score
    ...
    ...     model = HistGradientBoostingClassifier(max_depth=depth, learning_rate=rate, random_state=seed)
    ...     return cross_val_score(model, *load_breast_cancer(return_X_y=True)).mean()
    >>> space = {"depth": [2, 3, 5], "rate": Uniform(low=0.01, high=1, log=True)}
    >>> search_on_executors(evaluate, space, trials=12).table  # doctest: +SKIP
    """
    began = time.monotonic()
    rounds = _rounds(method, trials, budgets)
    place = Place(spark)
    values = grid(space) if method == "grid" else draw(space, rounds[0][0], seed)
    if taken := [name for name in space if name in _RESERVED]:
        raise SettingsError(f"{taken[0]!r} is a column of the result's table.", fix="give the parameter another name")
    candidates = [
        Trial(number=number, values=some, seed=own)
        for number, (some, own) in enumerate(zip(values, seeds(len(values), seed), strict=True))
    ]
    display, outcomes = Display(is_wanted=show), dict[int, Outcome]()
    order = _Order(metric, maximize=maximize)
    for count, budget in rounds:
        kept = candidates if not outcomes else [one.trial for one in order.sort(outcomes.values())[:count]]
        kept = [Trial(number=one.number, values=one.values, seed=one.seed, budget=budget) for one in kept]
        done = _run(place, evaluate, kept, order, display)
        outcomes |= {one.trial.number: one for one in done}
    return _result(order.sort(outcomes.values()), order, time.monotonic() - began)


def _rounds(method: str, trials: int, budgets: tuple[int, ...]) -> list[tuple[int, int | None]]:
    """Give how many trials each round has, and their budget."""
    if method not in ("random", "grid", "halving"):
        raise SettingsError(f"method = {method!r}.", fix='use "random", "grid" or "halving"')
    if trials < 1:
        raise SettingsError(f"trials = {trials} finds nothing.", fix="use trials=1 or more")
    if method != "halving":
        return [(trials, None)]
    if not budgets or budgets[0] < 1 or any(low >= high for low, high in itertools.pairwise(budgets)):
        raise SettingsError(f"budgets = {budgets} do not grow from 1 or more.", fix="give some like (1, 3, 9)")
    return [(max(1, trials * budgets[0] // budget), budget) for budget in budgets]


@dataclass(frozen=True)
class _Order:
    """What is better."""

    metric: str
    maximize: bool

    def sort(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Sort: what got on furthest first, then the best, failures last; equals by their number."""
        return sorted(
            outcomes, key=lambda one: (bool(one.error), -(one.trial.budget or 0), self.cost(one), one.trial.number)
        )

    def cost(self, outcome: Outcome) -> float:
        """Give a number that is small for good trials."""
        value = outcome.metrics.get(self.metric, math.nan)
        return math.inf if math.isnan(value) else -value if self.maximize else value


def _run(place: Place, evaluate: Evaluate, trials: list[Trial], order: _Order, display: Display) -> list[Outcome]:
    """Run a task for each trial; an accumulator tells of those that have ended, also while others run."""
    from pyspark import TaskContext
    from pyspark.accumulators import AccumulatorParam

    class Gathered(AccumulatorParam[list[Outcome]]):
        def zero(self, value: list[Outcome]) -> list[Outcome]:
            return []

        def addInPlace(self, value1: list[Outcome], value2: list[Outcome]) -> list[Outcome]:  # noqa: N802
            return [*value1, *value2]

    ended = place.context.accumulator([], Gathered())
    shown = -1

    def work(trial: Trial) -> None:
        context = TaskContext.get()
        ended.add([run_trial(evaluate, trial, attempt=context.attemptNumber() if context else 0)])

    def look() -> None:
        nonlocal shown
        if len(ended.value) != shown:
            shown = len(ended.value)
            display.update(*_progress(ended.value, len(trials), order))

    tasks = place.context.parallelize(trials, len(trials))
    try:
        place.run(lambda: tasks.foreach(work), workers=1, look=look)
    except (TrainingError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise TrainingError(
            f"the trials could not be run: {str(error).strip().splitlines()[0]}", fix="look at the trace below"
        ) from error
    look()
    return list(ended.value)


def _progress(done: list[Outcome], count: int, order: _Order) -> tuple[str, list[str]]:
    """Say how many trials have ended, and the best, as HTML and as text."""
    failed = sum(bool(one.error) for one in done)
    text = f"{len(done)} of {count} trials"
    text += f", {failed} failed" if failed else ""
    best = next(iter(order.sort(done)), None)
    if best is not None and not best.error:
        chosen = ", ".join(
            f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in best.trial.values.items()
        )
        text += f"; best {order.metric} {best.metrics.get(order.metric, math.nan):.4f} with {chosen}"
    width = 100 * len(done) / max(1, count)
    bar = (
        "<div style='height:8px;max-width:44em;margin:3px 0;border-radius:4px;overflow:hidden;"
        f"background:rgba(128,128,128,.25)'><div style='width:{width:.1f}%;height:100%;background:#0072B2'></div></div>"
    )
    return f"<div>{escape(text)}</div>{bar}", [text]


def _result(outcomes: list[Outcome], order: _Order, seconds: float) -> SearchResult:
    import pandas as pd

    best = outcomes[0]
    errors = {one.trial.number: one.trace or one.error for one in outcomes if one.error}
    if best.error:
        failed = TrainingError(
            f"all {len(outcomes)} trials failed, the first with {best.error}.", fix="mend evaluate()"
        )
        failed.add_note(errors[best.trial.number])
        raise failed
    if order.metric not in best.metrics:
        raise TrainingError(
            f"evaluate() gives {', '.join(best.metrics)}, but no {order.metric!r}.", fix="name one of them with metric="
        )
    rows = [
        {
            "trial": one.trial.number,
            **({} if one.trial.budget is None else {"budget": one.trial.budget}),
            **one.trial.values,
            **one.metrics,
            "seconds": round(one.seconds, 3),
            "error": one.error,
        }
        for one in outcomes
    ]
    table = pd.DataFrame(rows)
    table.insert(len(table.columns) - 1, "error", table.pop("error"))
    return SearchResult(
        table=table, best=best.trial.values, best_score=best.metrics[order.metric], seconds=seconds, errors=errors
    )
