from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from coursekit.spark.progress import show_progress
from coursekit.spark.progress_html import final_html, live_html
from coursekit.spark.progress_state import (
    Job,
    Progress,
    Stage,
    as_text,
    duration,
    read_job,
    read_stage,
    remaining_s,
    skew_card,
    summary,
    title_of,
    waiting,
)

RAW_JOB = {  # as Spark 4.3 writes it
    "jobId": 7,
    "name": "count at /tmp/ipykernel_7/3912.py:3",
    "submissionTime": "2026-11-25T06:40:16.984GMT",
    "completionTime": "2026-11-25T06:40:19.084GMT",
    "stageIds": [2, 1],
    "status": "SUCCEEDED",
    "numTasks": 12,
    "numActiveTasks": 0,
    "numCompletedTasks": 9,
    "numSkippedTasks": 4,
    "numFailedTasks": 1,
    "numCompletedIndices": 8,
}
RAW_STAGE = {
    "status": "ACTIVE",
    "stageId": 2,
    "attemptId": 0,
    "numTasks": 8,
    "numActiveTasks": 2,
    "numFailedTasks": 0,
    "numCompletedIndices": 3,
    "submissionTime": "2026-11-25T06:40:17.000GMT",
    "name": "showString at NativeMethodAccessorImpl.java:0",
}
NOON = 1_764_000_000.0


def job(**changes: object) -> Job:
    one = Job(id=0, name="count", status="RUNNING", tasks=20, done=0, active=2, failed=0, begun_s=0.0, ended_s=4.0)
    return replace(one, **changes)


def stage(**changes: object) -> Stage:
    one = Stage(id=3, attempt=0, name="join", status="COMPLETE", tasks=50, done=50, active=0, failed=0, took_s=10.0)
    return replace(one, **changes)


class Tags(HTMLParser):
    """Checks that every element is closed, and collects text and names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_job_is_read_as_spark_writes_it():
    read = read_job(RAW_JOB, NOON)
    assert (read.id, read.name, read.tasks, read.done, read.failed) == (7, "count, line 3", 8, 8, 1)
    assert read.took_s == pytest.approx(2.1)
    assert read.stage_ids == (1, 2)
    assert read.has_ended


def test_a_job_that_runs_takes_until_now():
    running = {key: value for key, value in RAW_JOB.items() if key != "completionTime"}
    read = read_job({**running, "status": "RUNNING"}, now_s=read_job(RAW_JOB, NOON).begun_s + 30)
    assert read.took_s == pytest.approx(30)


def test_a_stage_is_read_as_spark_writes_it():
    read = read_stage(RAW_STAGE, NOON)
    assert (read.id, read.name, read.tasks, read.done, read.active) == (2, "showString", 8, 3, 2)


@pytest.mark.parametrize(
    ("name", "description", "title"),
    [
        ("count at /tmp/ipykernel_7/3912.py:3", None, "count, line 3"),
        ("showString at NativeMethodAccessorImpl.java:0", None, "showString"),
        ("collect at /home/me/train.py:12", None, "collect at /home/me/train.py:12"),
        ("$anonfun$withThreadLocalCaptured$2 at CompletableFuture.java:1768", None, "part of a query"),
        ("count at x.py:1", "  training,\n round 3 ", "training, round 3"),
        ("count at x.py:1", " ", "count at x.py:1"),
    ],
)
def test_a_job_has_the_name_that_its_author_knows(name, description, title):
    assert title_of(name, description) == title


def test_the_last_line_counts_jobs_tasks_seconds_and_executors():
    jobs = tuple(
        job(id=n, status="SUCCEEDED", tasks=8, done=8, active=0, begun_s=n * 0.7, ended_s=n * 0.7 + 0.7)
        for n in range(3)
    )
    repeated = (replace(jobs[0], failed=1), *jobs[1:])
    assert summary(Progress(jobs=jobs, executors=2, wanted=2)) == "3 jobs, 24 tasks, 2.1 s on 2 executors"
    assert summary(Progress(jobs=repeated, executors=2)).endswith("; 1 task failed and was repeated")
    assert summary(Progress(jobs=jobs)).endswith("in local mode")
    assert summary(Progress(jobs=jobs, executors=1, wanted=2)).endswith("on 1 of 2 executors")


def test_the_last_line_says_that_a_job_failed_and_not_that_its_tasks_were_repeated():
    broken = Progress(jobs=(job(status="FAILED", done=3, active=0, failed=4),), executors=2)
    assert summary(broken) == "1 job, 3 tasks, 4.0 s on 2 executors; 1 job failed"


def test_jobs_side_by_side_are_not_counted_twice():
    jobs = (job(begun_s=0, ended_s=4), job(begun_s=1, ended_s=3), job(begun_s=3, ended_s=6), job(begun_s=8, ended_s=9))
    assert Progress(jobs=jobs).busy_s == pytest.approx(7)


def test_missing_executors_are_told_of_while_nothing_runs():
    stuck = Progress(jobs=(job(active=0),), executors=0, wanted=2)
    assert waiting(stuck) == "waiting for executors: 0 of 2 are there"
    assert "waiting for executors: 0 of 2 are there" in live_html(stuck)
    assert waiting(replace(stuck, wanted=None)) == "waiting for executors: none is there"
    assert waiting(replace(stuck, jobs=(job(active=1),), executors=1)) is None
    assert waiting(replace(stuck, executors=2)) is None
    assert waiting(replace(stuck, executors=None)) is None


def test_the_rest_is_estimated_only_once_there_is_something_to_go_by():
    assert remaining_s(job(done=0)) is None
    assert remaining_s(job(done=1)) is None
    assert remaining_s(job(tasks=5000, done=100)) is None
    assert remaining_s(job(done=5)) == pytest.approx(12)
    assert remaining_s(job(done=20)) is None


def test_a_stage_that_waited_for_one_task_gets_a_card():
    card = skew_card(stage(took_s=9.5), median_s=0.4, slowest_s=9.1)
    assert card is not None
    assert card.what == "Stage 3 (join): one of its 50 tasks took 9.1 s, the median 0.4 s (skew)."
    assert "repartition" in card.as_text()
    done = Progress(jobs=(job(status="SUCCEEDED"),), cards=(card,))
    assert card.what in Tags(final_html(done)).text
    assert as_text(done) == f"{summary(done)}\n\n{card.as_text()}"


@pytest.mark.parametrize(
    ("took_s", "median_s", "slowest_s"),
    [
        (10.0, 3.0, 9.1),  # not four times the median
        (2.0, 0.01, 1.9),  # not worth anybody's time
        (60.0, 0.5, 9.1),  # the other cores had enough to do meanwhile
    ],
)
def test_a_slow_task_that_cost_little_gets_no_card(took_s, median_s, slowest_s):
    assert skew_card(stage(took_s=took_s), median_s=median_s, slowest_s=slowest_s) is None


def test_names_are_text_and_never_html():
    evil = "</div><script>alert('1')</script>"
    progress = Progress(jobs=(job(name=evil, stages=(stage(name=evil, status="ACTIVE"),), stage_ids=(3, 4)),))
    for html in (live_html(progress), final_html(progress)):
        tags = Tags(html)
        assert "script" not in tags.names
        assert evil in tags.text


def test_a_bar_shows_done_running_and_failed_tasks():
    html = live_html(Progress(jobs=(job(tasks=16, done=8, active=4, failed=4),)))
    assert "aria-valuenow='8'" in html
    assert [html.count(f"width:{share}%") for share in ("40.00", "20.00")] == [1, 2]
    assert "8 of 16 tasks · 4 running · 4.0 s · about 4.0 s left" in Tags(html).text
    assert "4 failed" in Tags(html).text


def test_many_jobs_stay_a_small_picture():
    jobs = tuple(job(id=n, status="SUCCEEDED", done=20, active=0) for n in range(500))
    live = Tags(live_html(Progress(jobs=(*jobs, job(id=500)))))
    assert "500 other jobs" in live.text
    final = final_html(Progress(jobs=jobs))
    assert "and 470 more" in Tags(final).text
    assert len(final) < 20_000


def test_the_size_of_the_picture_does_not_grow_with_tasks():
    small, large = (len(live_html(Progress(jobs=(job(tasks=tasks, done=10),)))) for tasks in (20, 5000))
    assert large - small < 200


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4 s"), (9.96, "10.0 s"), (75, "75 s"), (125, "2 min 5 s"), (3725, "1 h 2 min")],
)
def test_seconds_are_written_for_people(seconds, text):
    assert duration(seconds) == text


def test_outside_a_notebooks_kernel_nothing_is_watched(capfd):
    import threading

    show_progress()
    assert "coursekit-progress" not in {thread.name for thread in threading.enumerate()}
    assert capfd.readouterr() == ("", "")
