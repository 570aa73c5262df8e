"""Read what Spark's jobs are doing from the driver of this kernel.

Spark keeps it in its status store, from which its pages and its REST interface are made. It is asked over the
connection that pyspark has already, and answers with the documents of the REST interface. Asking over HTTP costs
the driver two CPU seconds for the first answer (``benchmarks/progress.py``), and needs Spark's pages to be on. The
cost of a question here does not grow with the tasks of a stage. One does grow, that for the slowest task (30 ms with
5,000 tasks); it is asked once, when a cell has ended.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from coursekit.spark.cards import Card
from coursekit.spark.progress_state import Job, Progress, Stage, read_job, read_stage, skew_card

_STAGES_FROM_S: Final = 0.5  # stages of shorter jobs are not worth asking for
_SETTLE_S: Final = 0.5  # Spark writes the end of a job down a little after its result is there
_SKEW_FROM_S: Final = 2.0
_SKEW_CHECKED: Final = 5


@dataclass(kw_only=True, slots=True)
class CellJobs:
    """The jobs that were started since a cell began; asks for each until it has ended.

    Parameters
    ----------
    since_s : float
        When the cell began, seconds since 1970.
    wanted : callable
        Gives how many executors there should be, or None.
    """

    since_s: float
    wanted: Callable[[], int | None]
    latest: Progress = field(default_factory=lambda: Progress(jobs=()))
    _jobs: dict[tuple[str, int], Job] = field(default_factory=dict)
    _stages: dict[tuple[str, int], Stage] = field(default_factory=dict)
    _asked: dict[str, int] = field(default_factory=dict)

    def read(self) -> Progress:
        """Ask the driver anew; jobs of a session that is gone have ended."""
        context = _living_context()
        if context is None:
            ended = {key: _gone(job) for key, job in self._jobs.items()}
            self._jobs = ended
            self.latest = replace(self.latest, jobs=tuple(ended.values()))
            return self.latest
        application = str(context.applicationId)
        store = context._jsc.sc().statusStore()
        mapper = context._jvm.org.apache.spark.status.api.v1.JacksonMessageWriter().mapper()
        self._read_jobs(application, context, store, mapper)
        jobs = tuple(
            _gone(job) if key[0] != application else job
            for key, job in sorted(self._jobs.items(), key=lambda pair: pair[1].begun_s)
        )
        is_local = str(context.master).startswith("local")
        self.latest = Progress(
            jobs=jobs,
            executors=None if is_local else int(context._jsc.sc().getExecutorMemoryStatus().size()) - 1,
            wanted=None if is_local else self.wanted(),
        )
        return self.latest

    def settle(self) -> Progress:
        """Read the last state, once Spark has written it down, and see what could be done better."""
        until = time.monotonic() + _SETTLE_S
        while self.read().running and time.monotonic() < until:
            time.sleep(0.03)
        context = _living_context()
        if context is not None:
            self.latest = replace(self.latest, cards=self._skew_cards(context))
        return self.latest

    def _skew_cards(self, context: Any) -> tuple[Card, ...]:
        """Look at the longest stages, whether one task of them took far longer than the others."""
        store = context._jsc.sc().statusStore()
        long = [
            stage
            for (application, id), stage in self._stages.items()
            # The very first stage waits for executors that are warming up, not for a partition.
            if id > 0
            and application == context.applicationId
            and stage.status == "COMPLETE"
            and stage.took_s > _SKEW_FROM_S
        ]
        cards = []
        for stage in sorted(long, key=lambda stage: -stage.took_s)[:_SKEW_CHECKED]:
            median_s, slowest_s = _task_seconds(context, store, stage)
            cards.append(skew_card(stage, median_s=median_s, slowest_s=slowest_s))
        return tuple(card for card in cards if card is not None)

    def _read_jobs(self, application: str, context: Any, store: Any, mapper: Any) -> None:
        """Read the jobs that are new and those that had not ended, the newest first."""
        total = int(context._jsc.sc().dagScheduler().numTotalJobs())
        new = range(self._asked.get(application, 0), total)
        running = [id for (name, id), job in self._jobs.items() if name == application and not job.has_ended]
        self._asked[application] = total
        found = False
        for id in sorted({*new, *running}, reverse=True):
            job = self._read_job(application, id, store, mapper)
            if job is None:
                if not found:  # not written down yet; Spark does that in order
                    self._asked[application] = id
                continue
            found = True
            if job.begun_s < self.since_s:  # of an earlier cell, and so are all before it
                break
            self._jobs[application, id] = job

    def _read_job(self, application: str, id: int, store: Any, mapper: Any) -> Job | None:
        try:
            raw = json.loads(mapper.writeValueAsString(store.job(id)))
        except Exception:  # not written down yet, or forgotten: Spark keeps 1,000 jobs
            return None
        now_s = time.time()
        job = read_job(raw, now_s)
        if job.begun_s < self.since_s or job.took_s < _STAGES_FROM_S:
            return job
        stages = (self._read_stage(application, stage, store, mapper, now_s) for stage in job.stage_ids)
        return replace(job, stages=tuple(_present(stages)))

    def _read_stage(self, application: str, id: int, store: Any, mapper: Any, now_s: float) -> Stage | None:
        known = self._stages.get((application, id))
        if known is not None and known.status in ("COMPLETE", "SKIPPED"):
            return known
        try:
            stage = read_stage(json.loads(mapper.writeValueAsString(store.lastStageAttempt(id))), now_s)
        except Exception:
            return known
        self._stages[application, id] = stage
        return stage


def _present(stages: Iterable[Stage | None]) -> Iterable[Stage]:
    return (stage for stage in stages if stage is not None)


def _task_seconds(context: Any, store: Any, stage: Stage) -> tuple[float, float]:
    """Give the seconds of a stage's median task and of its slowest."""
    quantiles = context._gateway.new_array(context._jvm.double, 2)
    quantiles[0], quantiles[1] = 0.5, 1.0
    found = store.taskSummary(stage.id, stage.attempt, quantiles)
    if found.isEmpty():
        return 0.0, 0.0
    times = found.get().duration()
    return float(times.apply(0)) / 1000, float(times.apply(1)) / 1000


def _gone(job: Job) -> Job:
    return job if job.has_ended else replace(job, status="UNKNOWN", active=0)


def _living_context() -> Any:
    """Give this kernel's SparkContext; None when there is none, it is stopped, or its Java process has ended."""
    import sys

    pyspark = sys.modules.get("pyspark")
    if pyspark is None:
        return None
    context = pyspark.SparkContext._active_spark_context
    process = getattr(pyspark.SparkContext._gateway, "proc", None)
    if context is None or context._jsc is None or (process is not None and process.poll() is not None):
        return None
    return context
