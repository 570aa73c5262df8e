"""What Spark's jobs of one cell are doing, and how to say it: pure, so that it is tested without Spark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from coursekit.spark.cards import Card, Step

_ENDED: Final = ("SUCCEEDED", "FAILED", "UNKNOWN")
_LEAST_SHARE: Final = 0.1  # of the tasks, before an estimate of the rest is worth telling
_SKEW_RATIO: Final = 4.0
_SKEW_S: Final = 2.0
_SKEW_SHARE: Final = 0.5  # of the stage's time
# What Spark calls a job that was called from Python: not where, or in a file that only the kernel knows.
_NOWHERE: Final = re.compile(r" at (?:\S+\.java|<unknown>):\d+$")
_IN_A_CELL: Final = re.compile(r" at \S*ipykernel_\S*:(\d+)$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage, its last attempt.

    Parameters
    ----------
    status : str
        Spark's word: PENDING, ACTIVE, COMPLETE, FAILED or SKIPPED.
    took_s : float
        From its submission to its end, or to now.
    """

    id: int
    attempt: int
    name: str
    status: str
    tasks: int
    done: int
    active: int
    failed: int
    took_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job.

    Parameters
    ----------
    status : str
        Spark's word: RUNNING, SUCCEEDED, FAILED or UNKNOWN.
    tasks, done, active, failed : int
        Tasks that are needed, that of them are done, that run now, and attempts that failed.
    begun_s, ended_s : float
        Seconds since 1970; ``ended_s`` of a job that runs is now.
    """

    id: int
    name: str
    status: str
    tasks: int
    done: int
    active: int
    failed: int
    begun_s: float
    ended_s: float
    stage_ids: tuple[int, ...] = ()
    stages: tuple[Stage, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether it is over, well or not."""
        return self.status in _ENDED

    @property
    def took_s(self) -> float:
        """Seconds from its submission to its end, or to now."""
        return max(0.0, self.ended_s - self.begun_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What the jobs of one cell are doing.

    Parameters
    ----------
    jobs : tuple of Job
        In the order of their start.
    executors : int or None
        That are there now; None in Spark's local mode.
    wanted : int or None
        That should be there; None when nobody has said.
    cards : tuple of Card
        What could be done better next time.
    """

    jobs: tuple[Job, ...]
    executors: int | None = None
    wanted: int | None = None
    cards: tuple[Card, ...] = ()

    @property
    def running(self) -> tuple[Job, ...]:
        """Jobs that have not ended."""
        return tuple(job for job in self.jobs if not job.has_ended)

    @property
    def busy_s(self) -> float:
        """Seconds during which at least one of the jobs ran."""
        total, until = 0.0, float("-inf")
        for job in sorted(self.jobs, key=lambda job: job.begun_s):
            total += max(0.0, job.ended_s - max(job.begun_s, until))
            until = max(until, job.ended_s)
        return total


def read_job(raw: Mapping[str, Any], now_s: float, stages: Iterable[Stage] = ()) -> Job:
    """Read a job as Spark's REST interface writes it (``/jobs/<id>``).

    Parameters
    ----------
    now_s : float
        Seconds since 1970.
    """
    return Job(
        id=raw["jobId"],
        name=title_of(raw["name"], raw.get("description")),
        status=raw["status"],
        tasks=max(0, raw["numTasks"] - raw["numSkippedTasks"]),
        done=raw["numCompletedIndices"],
        active=max(0, raw["numActiveTasks"]),
        failed=raw["numFailedTasks"],
        begun_s=_seconds(raw.get("submissionTime"), now_s),
        ended_s=_seconds(raw.get("completionTime"), now_s),
        stage_ids=tuple(sorted(raw["stageIds"])),
        stages=tuple(stages),
    )


def read_stage(raw: Mapping[str, Any], now_s: float) -> Stage:
    """Read a stage as Spark's REST interface writes it (``/stages/<id>?details=false``)."""
    begun = _seconds(raw.get("submissionTime"), now_s)
    return Stage(
        id=raw["stageId"],
        attempt=raw["attemptId"],
        name=title_of(raw["name"], None),
        status=raw["status"],
        tasks=raw["numTasks"],
        done=raw["numCompletedIndices"],
        active=max(0, raw["numActiveTasks"]),
        failed=raw["numFailedTasks"],
        took_s=max(0.0, _seconds(raw.get("completionTime"), now_s) - begun),
    )


def title_of(name: str, description: str | None) -> str:
    """Give a job's description, else its call site as the one who wrote the cell knows it.

    Examples
    --------
    >>> title_of("count at /tmp/ipykernel_7/39.py:3", None)
    'count, line 3'
    >>> title_of("showString at NativeMethodAccessorImpl.java:0", None)
    'showString'
    """
    if description and description.strip():
        return " ".join(description.split())
    if "$anonfun$" in name:
        return "part of a query"
    return _NOWHERE.sub("", _IN_A_CELL.sub(r", line \1", name))


def remaining_s(job: Job) -> float | None:
    """Estimate how long a job will go on at its pace so far; None while that would be a guess."""
    if job.has_ended or job.done < 2 or job.done < _LEAST_SHARE * job.tasks or job.done >= job.tasks:
        return None
    return job.took_s / job.done * (job.tasks - job.done)


def waiting(progress: Progress) -> str | None:
    """Say that jobs wait because executors are missing; None when they do not."""
    if progress.executors is None or not progress.running or any(job.active for job in progress.running):
        return None
    if progress.wanted and progress.executors < progress.wanted:
        return f"waiting for executors: {progress.executors} of {progress.wanted} are there"
    return None if progress.executors else "waiting for executors: none is there"


def summary(progress: Progress) -> str:
    """Say in one line what was run, and what went wrong.

    Examples
    --------
    >>> one = Job(id=0, name="count", status="SUCCEEDED", tasks=8, done=8, active=0, failed=1, begun_s=0, ended_s=2.1)
    >>> summary(Progress(jobs=(one,), executors=2))
    '1 job, 8 tasks, 2.1 s on 2 executors; 1 task failed and was repeated'
    """
    jobs = progress.jobs
    parts = [f"{count(len(jobs), 'job')}, {count(sum(job.done for job in jobs), 'task')}"]
    parts[0] += f", {duration(progress.busy_s)} {where(progress)}"
    broken = [job for job in jobs if job.status == "FAILED"]
    if broken:
        parts.append(f"{count(len(broken), 'job')} failed")
    repeated = sum(job.failed for job in jobs if job.status != "FAILED")
    if repeated:
        parts.append(f"{count(repeated, 'task')} failed and {'was' if repeated == 1 else 'were'} repeated")
    if progress.running:
        parts.append(f"{count(len(progress.running), 'job')} still running")
    return "; ".join(parts)


def as_text(progress: Progress) -> str:
    """Say it where HTML is not shown: that jobs wait, or the summary and each card."""
    return waiting(progress) or "\n\n".join((summary(progress), *(card.as_text() for card in progress.cards)))


def where(progress: Progress) -> str:
    """Say on what the jobs run."""
    if progress.executors is None:
        return "in local mode"
    if progress.wanted and progress.executors < progress.wanted:
        return f"on {progress.executors} of {count(progress.wanted, 'executor')}"
    return f"on {count(progress.executors, 'executor')}"


def skew_card(stage: Stage, *, median_s: float, slowest_s: float) -> Card | None:
    """Tell of a stage that had to wait for one task; None when it did not.

    A task that is slow while the others still have enough to do costs nothing, and gets no card.

    Parameters
    ----------
    stage : Stage
        A stage that has ended.
    median_s, slowest_s : float
        Seconds of its median task and of its slowest.
    """
    if slowest_s <= max(_SKEW_S, _SKEW_RATIO * median_s, _SKEW_SHARE * stage.took_s):
        return None
    return Card(
        f"Stage {stage.id} waited for one task",
        f"Stage {stage.id} ({stage.name}): one of its {stage.tasks} tasks took {duration(slowest_s)}, "
        f"the median {duration(median_s)} (skew).",
        "One partition holds far more rows than the others, or rows that cost more; the other cores have nothing left "
        "to do meanwhile.",
        _SKEW_STEPS,
        is_failure=False,
    )


_SKEW_STEPS: Final = (
    Step("See whether a few keys have most of the rows:", 'df.groupBy("key").count().orderBy(F.desc("count")).show(5)'),
    Step(
        "If it is not about a key, spread the rows evenly, in more and smaller partitions:", "df = df.repartition(64)"
    ),
    Step(
        "If it is, join with a small table without moving rows by key, or add a random number to the key and aggregate "
        "in two steps:",
        'df.join(F.broadcast(small), "key")',
    ),
)


def duration(seconds: float) -> str:
    """Write seconds for people: ``"0.4 s"``, ``"75 s"``, ``"2 min 5 s"``, ``"1 h 2 min"``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(number: int, thing: str) -> str:
    """Write a number of things: ``"1 job"``, ``"2,000 tasks"``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _seconds(written: str | None, default_s: float) -> float:
    """Read a time as Spark writes it: ``"2026-11-25T06:40:17.054GMT"``."""
    if not written:
        return default_s
    return datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%fGMT").replace(tzinfo=UTC).timestamp()
