"""Write down what came of a run: a page and Markdown for people, JUnit XML for CI, JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from coursekit.notebooks.outcome import FAILURES, Conditions, Outcome
from coursekit.notebooks.page import relative_to, report_page
from coursekit.notebooks.summary import describe_failure, headline, make_summary

# XML 1.0 has no way to write these, not even escaped.
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_reports(outcomes: Sequence[Outcome], conditions: Conditions, out: Path) -> None:
    """Write ``report.html``, ``summary.md``, ``summary.json`` and ``junit.xml``."""
    out.mkdir(parents=True, exist_ok=True)
    junit = ElementTree.ElementTree(make_junit(outcomes, conditions))
    ElementTree.indent(junit)
    junit.write(out / "junit.xml", encoding="utf-8", xml_declaration=True)
    (out / "report.html").write_text(report_page(outcomes, conditions, out), encoding="utf-8")
    (out / "summary.md").write_text(make_summary(outcomes, conditions), encoding="utf-8")
    figures = json.dumps(make_figures(outcomes, conditions, out), indent=2, ensure_ascii=False)
    (out / "summary.json").write_text(figures + "\n", encoding="utf-8")


def make_junit(outcomes: Sequence[Outcome], conditions: Conditions) -> ElementTree.Element:
    """Give JUnit XML: a failed cell or a drift is a failure; a timeout, a dead kernel and the like are errors."""
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name="notebooks",
        tests=str(len(outcomes)),
        failures=str(sum(outcome.status in FAILURES for outcome in outcomes)),
        errors=str(sum(not outcome.has_passed and outcome.status not in FAILURES for outcome in outcomes)),
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
            tag = "failure" if outcome.status in FAILURES else "error"
            kind = outcome.failure.ename if tag == "failure" and outcome.failure else outcome.status
            fault = ElementTree.SubElement(case, tag, type=_clean(kind), message=_clean(headline(outcome)))
            fault.text = _clean(describe_failure(outcome))
    return root


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
                "planned_seconds": outcome.planned_seconds,
                "memory": outcome.memory,
                "planned_memory": outcome.planned_memory,
                "tries": outcome.tries,
                "device": outcome.device,
                "unchanged_since": outcome.kept or None,
                "message": outcome.message,
                "failure": asdict(outcome.failure) if outcome.failure else None,
                "executed": relative_to(outcome.output, out),
                "log": relative_to(outcome.log, out),
            }
            for outcome in outcomes
        ],
    }


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
