"""From a failure and what is known about the cluster to a card; pure, so that every card is tested without Spark.

Each ``_explain_...`` recognises one kind of failure or gives None; the first that recognises it has the word. Those
about executors and the driver are in `coursekit.spark.losses`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from coursekit.spark import losses
from coursekit.spark.cards import Card, Step
from coursekit.spark.facts import Facts
from coursekit.spark.failure import Failure, PythonFailure

Explainer = Callable[[Failure, Facts], Card | None]

_MISMATCH: Final = re.compile(
    r"PYTHON_VERSION_MISMATCH\].*?version: (?P<worker>[\d.]+) than that in driver: (?P<driver>[\d.]*\d)", re.S
)
# What Python says when it is told to run a module of a package that it has not.
_NO_PYSPARK: Final = re.compile(
    r"(?P<python>\S+): (?:Error while finding module specification for|No module named) '?pyspark\b"
)
_VERSION_IN_PATH: Final = re.compile(r"python(3\.\d+)$|/(3\.\d+)(?:\.\d+)?/")
_TRY_FUNCTION: Final = re.compile(r"[`'](try_\w+)[`']")
_PYTHON_CASTS: Final = {"INT": "int", "BIGINT": "bigint", "DOUBLE": "double", "DATE": "date", "TIMESTAMP": "timestamp"}


def explain(failure: Failure, facts: Facts) -> Card | None:
    """Explain a failure; None when it is none of those that are known.

    Parameters
    ----------
    failure : Failure
        The exception as plain values.
    facts : Facts
        The cluster and the driver as they are.
    """
    for explainer in _EXPLAINERS:
        card = explainer(failure, facts)
        if card is not None:
            return replace(card, trace=failure.trace)
    return None


def _explain_missing_column(failure: Failure, facts: Facts) -> Card | None:
    if not failure.condition.startswith("UNRESOLVED_COLUMN"):
        return None
    name = failure.parameters.get("objectName", "").replace("`", "")
    there = [part.strip().replace("`", "") for part in failure.parameters.get("proposal", "").split(",")]
    there = [column for column in there if column]
    near = difflib.get_close_matches(name, there, n=3, cutoff=0.5) or there[:3]
    if not near:
        look = Step("See which columns there are:", "df.printSchema()")
        return Card(f"There is no column `{name}`", f"The query names `{name}`.", _NO_COLUMN, (look,))
    what = f"The query names `{name}`. The nearest names in the table: {_join([f'`{column}`' for column in near])}."
    steps = (
        Step(f"Use the column that you meant, perhaps `{near[0]}`:", f'df.select("{near[0]}")'),
        Step("See all columns and their types:", "df.printSchema()"),
    )
    return Card(f"There is no column `{name}`", what, _NO_COLUMN, steps)


_NO_COLUMN: Final = (
    "Spark looks every name up in the table at that point of the query; a name that was misspelt, renamed or dropped "
    "before is not there."
)


def _explain_missing_attribute(failure: Failure, facts: Facts) -> Card | None:
    if failure.condition != "ATTRIBUTE_NOT_SUPPORTED" or "attr_name" not in failure.parameters:
        return None
    name = failure.parameters["attr_name"]
    return Card(
        f"There is no column or method `{name}`",
        f"`.{name}` was asked of a DataFrame or a column that has neither a column nor a method of that name.",
        "Spark takes `df.name` for a column when `name` is one, and otherwise looks for a method.",
        (
            Step("See which columns there are:", "df.printSchema()"),
            Step("pandas has methods that Spark has not; on a small table, go to pandas first:", "df.toPandas()"),
        ),
    )


def _explain_cast(failure: Failure, facts: Facts) -> Card | None:
    if failure.condition not in ("CAST_INVALID_INPUT", "CAST_OVERFLOW"):
        return None
    given = failure.parameters
    value = given.get("expression") or given.get("value", "?")
    source, target = given.get("sourceType", "").strip('"'), given.get("targetType", "").strip('"')
    is_overflow = failure.condition == "CAST_OVERFLOW"
    reason = "is outside the range of that type" if is_overflow else "cannot be read as one"
    kind = _PYTHON_CASTS.get(target, target.lower())
    wider = Step("Or cast to a type that is wide enough:", 'F.col("x").cast("bigint")')
    find = Step(
        "Look at the rows that are in the way:",
        f'df.where(F.col("x").isNotNull() & F.col("x").try_cast("{kind}").isNull()).show()',
    )
    return Card(
        f"The value {value} is no {target}",
        f"A cast from {source} to {target} met the value {value}{_where(failure)}.",
        f"The value {reason}, and in Spark 4 (ANSI mode) a bad cast stops the query instead of giving NULL silently.",
        (
            Step("Let bad values become NULL, on purpose:", f'F.col("x").try_cast("{kind}")'),
            wider if is_overflow else find,
        ),
    )


def _explain_division(failure: Failure, facts: Facts) -> Card | None:
    if failure.condition not in ("DIVIDE_BY_ZERO", "REMAINDER_BY_ZERO"):
        return None
    return Card(
        "A division by zero",
        f"In at least one row the divisor is 0{_where(failure)}.",
        "In Spark 4 (ANSI mode) a division by zero stops the query instead of giving NULL silently.",
        (
            Step("Let those rows become NULL, on purpose:", 'F.try_divide("a", "b")'),
            Step("Or leave them out before you divide:", 'df.where(F.col("b") != 0)'),
        ),
    )


def _explain_overflow(failure: Failure, facts: Facts) -> Card | None:
    if not failure.condition.startswith(("ARITHMETIC_OVERFLOW", "BINARY_ARITHMETIC_OVERFLOW", "NUMERIC_VALUE_OUT")):
        return None
    named = _TRY_FUNCTION.search(" ".join((*failure.parameters.values(), failure.text[:600])))
    function = named[1] if named else "try_add"
    return Card(
        "A number too large for its type",
        f"The result of an operation on whole numbers does not fit its type{_where(failure)}.",
        "An INT ends at 2 147 483 647, a BIGINT at 9.2e18, and in Spark 4 (ANSI mode) going beyond stops the query "
        "instead of giving a wrong number silently.",
        (
            Step("Calculate with a wider type:", 'F.col("a").cast("bigint") + F.col("b")'),
            Step("Or let such rows become NULL, on purpose:", f'F.{function}("a", "b")'),
        ),
    )


def _explain_versions(failure: Failure, facts: Facts) -> Card | None:
    found = _MISMATCH.search(failure.text) or _MISMATCH.search(failure.python.error if failure.python else "")
    if found is None:
        return None
    worker, driver = found["worker"], found["driver"]
    return Card(
        "Driver and executors run different Python versions",
        f"This kernel, the driver, runs Python {driver}; the executors run Python {worker}.",
        "Your functions travel to the executors in a form that only the same minor version of Python can read.",
        _same_python(driver),
    )


def _explain_no_pyspark(failure: Failure, facts: Facts) -> Card | None:
    found = _NO_PYSPARK.search(failure.text)
    if found is None:
        return None
    path, named = found["python"], _VERSION_IN_PATH.search(found["python"])
    executors = f"Python {named[1] or named[2]}, `{path}`," if named else f"`{path}`,"
    return Card(
        "The Python of the executors has no pyspark",
        f"This kernel, the driver, runs Python {facts.python}; the executors run {executors} "
        "in which pyspark is not installed.",
        "Executors need pyspark and the driver's minor version of Python. Those of coursekit have both, unless "
        "`PYSPARK_PYTHON` or `spark.pyspark.python` names another Python.",
        _same_python(facts.python),
    )


def _same_python(driver: str) -> tuple[Step, ...]:
    return (
        Step(
            f"Start cluster and session anew from this kernel; coursekit then gives executors Python {driver}:",
            "cluster.close()\ncluster = SparkCluster(...)\nspark = cluster.session()",
        ),
        Step(
            "If you have set it yourself, take `PYSPARK_PYTHON` away first:",
            'import os\nos.environ.pop("PYSPARK_PYTHON", None)',
        ),
    )


def _explain_python(failure: Failure, facts: Facts) -> Card | None:
    python = failure.python
    if python is None:
        return None
    name = python.error.split(":")[0].split(".")[-1].strip()
    place = _place(python)
    if name == "ModuleNotFoundError":
        steps: tuple[Step, ...] = (
            Step("Install the package where executors run too, or import one that is there."),
            Step(
                "For a module of your own, send its file along:",
                'spark.sparkContext.addPyFile("my_module.py")',
            ),
        )
    else:
        steps = (
            Step("Call the function here, on one value, before Spark calls it on all of them."),
            Step("Look at the rows that it gets; real data have missing and odd values:", "df.show(5)"),
        )
    return Card(
        f"Your Python code failed in a task: {name}",
        f"A task on an executor stopped{place} with {name}.",
        "Spark ran the function on its executors, one of them raised this error, and after "
        "`spark.task.maxFailures` attempts Spark gave the job up.",
        steps,
        evidence=python.error if not python.source else f"{python.source}\n{python.error}",
    )


def _place(python: PythonFailure) -> str:
    return f" in `{python.function}`, {python.place}," if python.place else ""


def _where(failure: Failure) -> str:
    """Say on which line the operation was written, as far as Spark tells."""
    return f", in what {failure.call_site} asks for" if failure.call_site else ""


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


_EXPLAINERS: Final[tuple[Explainer, ...]] = (
    _explain_missing_column,
    _explain_missing_attribute,
    _explain_cast,
    _explain_division,
    _explain_overflow,
    _explain_versions,
    _explain_no_pyspark,
    *losses.EXPLAINERS,
    _explain_python,
)
