"""What a Spark job moves: counters that do not depend on how busy the machine is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from coursekit.errors import GradingError

_WAIT_S: Final = 30


def bytes_to_driver(spark: Any) -> int:
    """Add up the results that all tasks of a session have sent to the driver so far.

    Parameters
    ----------
    spark : SparkSession
        Its session, in this kernel (classic mode).

    Returns
    -------
    int
        Bytes, serialised and compressed: ``resultSize`` of all stages in Spark's status store, from which its pages
        and its REST interface are made.

    Raises
    ------
    GradingError
        If Spark does not write down in time what its tasks did.
    """
    return sum(int(stage.resultSize()) for stage in _stages(spark))


def records_shuffled(spark: Any) -> int:
    """Add up the records that all tasks of a session have written for a shuffle so far.

    Parameters
    ----------
    spark : SparkSession
        Its session, in this kernel (classic mode).

    Returns
    -------
    int
        Records: ``shuffleWriteRecords`` of all stages in Spark's status store. Of DataFrames a record is a row; of
        Python's RDDs it is a batch of elements.

    Raises
    ------
    GradingError
        If Spark does not write down in time what its tasks did.
    """
    return sum(int(stage.shuffleWriteRecords()) for stage in _stages(spark))


def _stages(spark: Any) -> Iterator[Any]:
    """Give all stages of a session from Spark's status store, once all that tasks have reported is in it."""
    context = spark.sparkContext._jsc.sc()
    try:
        context.listenerBus().waitUntilEmpty(_WAIT_S * 1000)  # what tasks report is written down a little later
    except Exception as error:
        raise GradingError(
            f"Spark has not counted what its tasks moved within {_WAIT_S} s.", fix="look at the session's Spark pages"
        ) from error
    store = context.statusStore()
    no_quantiles, any_status = getattr(store, "stageList$default$4")(), None
    stages = store.stageList(any_status, False, False, no_quantiles, any_status)
    return (stages.apply(k) for k in range(stages.size()))
