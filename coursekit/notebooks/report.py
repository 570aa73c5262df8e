"""Write down what came of a run: JUnit XML for CI, Markdown for people, JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from coursekit.notebooks.outcome import HOW_IT_READS, Outcome

# XML 1.0 has no way to write these, not even escaped.
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOISE: Final = re.compile(r"Traceback \(most recent call last\)|^\s+at [\w.$/]+\(|^\s+\.\.\. \d+ more$")
_SHORT_LINES: Final = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """Under which conditions notebooks were executed.

    Parameters
    ----------
    started : datetime
        With its time zone.
    seconds : float
        Wall clock of the whole run, s.
    jobs : int
        How many ran at once.
    size : str
        Which parameters they got.
    """

    started: datetime
    seconds: float
    jobs: int
    size: str


def write_reports(outcomes: Sequence[Outcome], conditions: Conditions, out: Path) -> None:
    """Write ``junit.xml``, ``summary.md`` and ``summary.json``."""
    out.mkdir(parents=True, exist_ok=True)
    junit = ElementTree.ElementTree(make_junit(outcomes, conditions))
    ElementTree.indent(junit)
    junit.write(out / "junit.xml", encoding="utf-8", xml_declaration=True)
    (out / "summary.md").write_text(make_summary(outcomes, conditions, out), encoding="utf-8")
    figures = json.dumps(make_figures(outcomes, conditions, out), indent=2, ensure_ascii=False)
    (out / "summary.json").write_text(figures + "\n", encoding="utf-8")


def make_junit(outcomes: Sequence[Outcome], conditions: Conditions) -> ElementTree.Element:
    """Give JUnit XML: a failed cell is a failure, a timeout, a dead kernel or an interruption an error."""
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name="notebooks",
        tests=str(len(outcomes)),
        failures=str(sum(outcome.status == "failed" for outcome in outcomes)),
        errors=str(sum(outcome.status not in ("passed", "failed") for outcome in outcomes)),
        skipped="0",
        time=f"{conditions.seconds:.2f}",
        timestamp=conditions.started.isoformat(timespec="seconds"),
    )
    for outcome in outcomes:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"notebooks.{outcome.notebook.kind}",
            name=outcome.notebook.name,
            time=f"{outcome.seconds:.2f}",
        )
        if not outcome.has_passed:
            tag = "failure" if outcome.status == "failed" else "error"
            kind = outcome.failure.ename if tag == "failure" and outcome.failure else outcome.status
            fault = ElementTree.SubElement(case, tag, type=_clean(kind), message=_clean(_headline(outcome)))
            fault.text = _clean(describe_failure(outcome))
    return root


def make_summary(outcomes: Sequence[Outcome], conditions: Conditions, out: Path) -> str:
    """Give a Markdown page: one table, and each failing cell with its source and error."""
    passed = sum(outcome.has_passed for outcome in outcomes)
    lines = [
        "# Notebooks",
        "",
        f"{passed} of {len(outcomes)} passed in {conditions.seconds:.0f} s, size `{conditions.size}`, "
        f"{conditions.jobs} at once, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{conditions.started:%Y-%m-%d %H:%M %Z}.",
        "",
        "| notebook | result | seconds | planned | device | executed |",
        "| --- | --- | ---: | ---: | --- | --- |",
    ]
    for outcome in outcomes:
        files = f"[notebook]({_relative(outcome.output, out)}) [log]({_relative(outcome.log, out)})"
        result = HOW_IT_READS[outcome.status] if outcome.has_passed else f"**{HOW_IT_READS[outcome.status]}**"
        result += f", unchanged since {outcome.kept}" if outcome.kept else ""
        planned = 60 * outcome.minutes
        cells = (outcome.notebook.name, result, f"{outcome.seconds:.1f}", f"{planned:.0f}", outcome.device, files)
        lines.append(f"| {' | '.join(cells)} |")
    for outcome in outcomes:
        if not outcome.has_passed:
            lines += ["", f"## {outcome.notebook.name}", "", *_fenced(describe_failure(outcome))]
    return "\n".join(lines) + "\n"


def make_figures(outcomes: Sequence[Outcome], conditions: Conditions, out: Path) -> dict[str, Any]:
    """Give the same as a dictionary that JSON can hold; paths are relative to ``out`` where they lie in it."""
    return {
        "started": conditions.started.isoformat(timespec="seconds"),
        "seconds": round(conditions.seconds, 2),
        "jobs": conditions.jobs,
        "size": conditions.size,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "passed": sum(outcome.has_passed for outcome in outcomes),
        "notebooks": [
            {
                "name": outcome.notebook.name,
                "kind": outcome.notebook.kind,
                "status": outcome.status,
                "seconds": outcome.seconds,
                "planned_seconds": 60 * outcome.minutes,
                "device": outcome.device,
                "unchanged_since": outcome.kept or None,
                "message": outcome.message,
                "failure": asdict(outcome.failure) if outcome.failure else None,
                "executed": _relative(outcome.output, out),
                "log": _relative(outcome.log, out),
            }
            for outcome in outcomes
        ],
    }


def describe_failure(outcome: Outcome) -> str:
    """Say for people where a notebook stopped and why: the cell's source, the error, the end of its traceback."""
    parts = [_headline(outcome)]
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


def _headline(outcome: Outcome) -> str:
    at = f" in cell {outcome.failure.cell!r} (number {outcome.failure.index + 1})" if outcome.failure else ""
    first = outcome.message.strip().splitlines()[0] if outcome.message.strip() else ""
    return f"{HOW_IT_READS[outcome.status]}{at}: {first}".rstrip(": ")


def _fenced(text: str) -> list[str]:
    """A code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", text, fence]


def _relative(path: Path, out: Path) -> str:
    resolved, base = path.resolve(), out.resolve()
    return resolved.relative_to(base).as_posix() if resolved.is_relative_to(base) else str(resolved)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
