"""Draw what Spark's jobs are doing: pure; plain HTML, styled in place, without scripts.

Styles stand at the elements because frontends drop ``<style>`` from what they do not trust, and some then show its
text. Colours are Okabe and Ito's, which colour-blind people tell apart; the rest is the theme's.
"""

from __future__ import annotations

from html import escape
from typing import Final

from coursekit.spark.progress_state import (
    Job,
    Progress,
    Stage,
    count,
    duration,
    remaining_s,
    summary,
    waiting,
    where,
)

_GREEN: Final = "#009E73"
_BLUE: Final = "#56B4E9"
_ORANGE: Final = "#E69F00"
_RED: Final = "#D55E00"
_EMPTY: Final = "var(--jp-border-color2, rgba(128, 128, 128, .3))"
_QUIET: Final = "color:var(--jp-ui-font-color2, inherit)"
_BOX: Final = (
    "font:var(--jp-ui-font-size1, 13px)/1.5 var(--jp-ui-font-family, system-ui, sans-serif);"
    "color:var(--jp-ui-font-color1, inherit);max-width:46em"
)
_ROW: Final = "display:flex;gap:.8em;align-items:baseline;flex-wrap:wrap"
_NAME: Final = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap;max-width:26em"
_CELL: Final = "text-align:left;padding:0 1.2em 0 0"
_DOTS: Final = {"SUCCEEDED": _GREEN, "COMPLETE": _GREEN, "FAILED": _RED, "RUNNING": _BLUE, "ACTIVE": _BLUE}
_WORDS: Final = {"COMPLETE": "done", "SUCCEEDED": "done", "UNKNOWN": "ended"}

_JOBS_LIVE: Final = 4
_STAGES_LIVE: Final = 3
_ROWS_AT_END: Final = 30


def live_html(progress: Progress) -> str:
    """Draw jobs that run now, a bar each, and say how many have ended."""
    shown = progress.running[-_JOBS_LIVE:] or progress.jobs[-1:]
    rows = "".join(_job(job) for job in shown)
    return f"<div style='{_BOX}'>{rows}{_foot(progress, len(shown))}</div>"


def final_html(progress: Progress) -> str:
    """Draw one quiet line, which opens to a table of jobs and stages, and cards below it."""
    failed = any(job.status == "FAILED" for job in progress.jobs)
    repeated = any(job.failed for job in progress.jobs)
    colour = _RED if failed else _ORANGE if repeated else _BLUE if progress.running else _GREEN
    line = f"{_dot(colour)} <span style='{_QUIET}'>{escape(summary(progress))}</span>"
    table = f"<details><summary style='cursor:pointer'>{line}</summary>{_table(progress.jobs)}</details>"
    return f"<div style='{_BOX}'>{table}</div>{''.join(card.as_html() for card in progress.cards)}"


def _job(job: Job) -> str:
    left = remaining_s(job)
    facts = [f"{job.done:,} of {count(job.tasks, 'task')}"]
    if job.active:
        facts.append(f"{job.active:,} running")
    if not job.has_ended:
        facts.append(duration(job.took_s))
    if left is not None:
        facts.append(f"about {duration(left)} left")
    failed = f"<span style='color:{_RED}'>&#10007; {job.failed:,} failed</span>" if job.failed else ""
    head = (
        f"<div style='{_ROW}'><b style='{_NAME}' title='{escape(job.name)}'>{escape(job.name)}</b>"
        f"<span style='{_QUIET}'>{escape(' · '.join(facts))}</span>{failed}</div>"
    )
    return f"<div style='margin:.2em 0'>{head}{_bar(job)}{_stages(job)}</div>"


def _bar(job: Job) -> str:
    """Draw done, running and failed attempts as shares of all that had or has to be run."""
    whole = max(1, job.tasks + job.failed)
    parts = ((job.done, _GREEN), (job.active, _BLUE), (job.failed, _RED))
    pieces = "".join(
        f"<div style='width:{100 * number / whole:.2f}%;background:{colour}'></div>"
        for number, colour in parts
        if number
    )
    return (
        f"<div role='progressbar' aria-valuemin='0' aria-valuemax='{job.tasks}' aria-valuenow='{job.done}' "
        f"aria-label='{escape(job.name)}' style='display:flex;height:8px;margin:3px 0;border-radius:4px;"
        f"overflow:hidden;background:{_EMPTY}'>{pieces}</div>"
    )


def _stages(job: Job) -> str:
    """List the stages that run. Not in ``<details>``: each update would close it again under the reader's hand."""
    if len(job.stage_ids) < 2:
        return ""
    ended = sum(stage.status in ("COMPLETE", "SKIPPED") for stage in job.stages)
    running = [stage for stage in job.stages if stage.status == "ACTIVE"][:_STAGES_LIVE]
    said = "; ".join(f"stage {stage.id} ({stage.name}) {stage.done:,}/{stage.tasks:,}" for stage in running)
    text = f"{ended} of {len(job.stage_ids)} stages done{f' · {said}' if said else ''}"
    return f"<div style='{_QUIET};font-size:.9em'>{escape(text)}</div>"


def _foot(progress: Progress, shown: int) -> str:
    wait = waiting(progress)
    if wait:
        return f"<div>{_dot(_ORANGE)} {escape(wait)}</div>"
    others = len(progress.jobs) - shown
    said = [where(progress)]
    if others:
        said.append(f"{count(others, 'other job')}, {duration(progress.busy_s)} in all")
    return f"<div style='{_QUIET};font-size:.9em'>{escape(' · '.join(said))}</div>"


def _table(jobs: tuple[Job, ...]) -> str:
    rows = []
    for job in jobs:
        rows.append(_line(f"job {job.id}", job.name, job, 0))
        rows.extend(_line(f"stage {stage.id}", stage.name, stage, 1) for stage in job.stages if stage.tasks)
    more = len(rows) - _ROWS_AT_END
    note = f"<tr><td colspan='5' style='{_CELL}'>and {more} more</td></tr>" if more > 0 else ""
    heads = "".join(f"<th style='{_CELL};{_QUIET}'>{head}</th>" for head in ("", "name", "tasks", "time", ""))
    body = "".join(rows[:_ROWS_AT_END])
    return f"<table style='margin:.3em 0 .3em 1em'><thead><tr>{heads}</tr></thead><tbody>{body}{note}</tbody></table>"


def _line(what: str, name: str, thing: Job | Stage, depth: int) -> str:
    failed = f", {thing.failed:,} failed" if thing.failed else ""
    state = _WORDS.get(thing.status, thing.status.lower())
    took = "" if thing.status in ("SKIPPED", "PENDING") else duration(thing.took_s)
    cells = (
        f"{_dot(_DOTS.get(thing.status, '#888888'))} {escape(what)}",
        f"<div style='{_NAME}' title='{escape(name)}'>{escape(name)}</div>",
        escape(f"{thing.done:,} of {thing.tasks:,}{failed}"),
        took,
        escape(state),
    )
    first = f"{_CELL};padding-left:{1.5 * depth}em;white-space:nowrap"
    return (
        "<tr>" + "".join(f"<td style='{_CELL if n else first}'>{cell}</td>" for n, cell in enumerate(cells)) + "</tr>"
    )


def _dot(colour: str) -> str:
    return f"<span style='color:{colour}'>&#9679;</span>"
