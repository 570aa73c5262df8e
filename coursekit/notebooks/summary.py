"""What came of a run, in Markdown, and where a notebook stopped, in plain text."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from typing import Final

from coursekit.config import format_memory
from coursekit.notebooks.outcome import HOW_IT_READS, Conditions, Outcome

_NOISE: Final = re.compile(r"Traceback \(most recent call last\)|^\s+at [\w.$/]+\(|^\s+\.\.\. \d+ more$")
_SHORT_LINES: Final = 15


def make_summary(outcomes: Sequence[Outcome], conditions: Conditions) -> str:
    """Give a Markdown page: one table, and each failing cell with its source and error.

    It has no links: CI shows it on a page of its own, away from the files. The report beside it has them.
    """
    passed = sum(outcome.has_passed for outcome in outcomes)
    lines = [
        "# Notebooks",
        "",
        f"{passed} of {len(outcomes)} passed in {conditions.seconds:.0f} s, size `{conditions.size}`, "
        f"{conditions.jobs} at once, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{conditions.started:%Y-%m-%d %H:%M %Z}.",
        "",
        "| notebook | result | seconds | planned | memory | planned | device |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for outcome in outcomes:
        result = HOW_IT_READS[outcome.status] if outcome.has_passed else f"**{HOW_IT_READS[outcome.status]}**"
        result += f", unchanged since {outcome.kept}" if outcome.kept else ""
        result += f" ({outcome.tries} tries)" if outcome.tries > 1 else ""
        memory, planned = (format_memory(each) if each else "" for each in (outcome.memory, outcome.planned_memory))
        times = (f"{outcome.seconds:.1f}", f"{outcome.planned_seconds:.0f}")
        cells = (plain(outcome.notebook.name), result, *times, memory, planned, plain(outcome.device))
        lines.append(f"| {' | '.join(cells)} |")
    for outcome in outcomes:
        if not outcome.has_passed:
            lines += ["", f"## {plain(outcome.notebook.name)}", "", *fenced(describe_failure(outcome))]
    return "\n".join(lines) + "\n"


def describe_failure(outcome: Outcome) -> str:
    """Say for people where a notebook stopped and why: the cell's source, the error, the end of its traceback."""
    parts = [headline(outcome)]
    failure = outcome.failure
    if failure is not None and failure.source:
        parts.append("\n".join(f"  {number:>3}  {line}" for number, line in enumerate(failure.source.splitlines(), 1)))
    if failure is not None and failure.traceback:
        parts.append(shorten_traceback(failure.traceback))
    return "\n\n".join(parts)


def shorten_traceback(text: str) -> str:
    """Give the last lines, without the heading that IPython puts on top, and without the JVM's frames."""
    lines = [line for line in text.splitlines() if line.strip("- ") and not _NOISE.search(line)]
    return "\n".join(lines[-_SHORT_LINES:])


def headline(outcome: Outcome) -> str:
    """Say in one line how it ended, in which cell, and why."""
    at = f" in cell {outcome.failure.cell!r} (number {outcome.failure.index + 1})" if outcome.failure else ""
    first = outcome.message.strip().splitlines()[0] if outcome.message.strip() else ""
    return f"{HOW_IT_READS[outcome.status]}{at}: {first}".rstrip(": ")


def plain(text: str) -> str:
    """Give text as Markdown shows it as it is, on one line of a table or a heading."""
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


def fenced(text: str, language: str = "text") -> list[str]:
    """Give the lines of a code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text, fence]
