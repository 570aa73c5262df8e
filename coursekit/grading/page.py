"""An overview as one HTML page that needs nothing else: no script, no address, and all of students is text."""

from __future__ import annotations

import statistics
from datetime import datetime
from pathlib import Path

from coursekit.errors import GradingError
from coursekit.grading.overview import Overview
from coursekit.grading.plots import failures_plot, questions_plot, scores_plot, seconds_plot


def overview_page(view: Overview) -> str:
    """Lay out an overview as HTML."""
    import jinja2
    from markupsafe import Markup

    scores = [each.score for each in view.submitted]
    plots = {
        "scores": scores_plot(scores, view.max_score) if scores and view.max_score else "",
        "questions": questions_plot(view.questions) if view.questions else "",
        "failures": failures_plot(view.failures) if view.failures else "",
        "seconds": seconds_plot(view.seconds.values()) if view.seconds else "",
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("coursekit.grading"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"moment": _moment, "points": _points, "percent": _percent}
    return environment.get_template("overview.html").render(
        view=view,
        scores=scores,
        median=statistics.median(scores) if scores else 0.0,
        plots={name: Markup(svg) for name, svg in plots.items()},  # noqa: S704 -- plots.py escapes what it writes
    )


def write_page(view: Overview, path: Path) -> Path:
    """Write the page, readable by its owner alone.

    Raises
    ------
    GradingError
        If the file cannot be written.
    """
    text = overview_page(view)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GradingError(
            f"{path} cannot be written: {error.strerror}.", fix="choose another file with --to"
        ) from error
    return path


def _moment(value: datetime) -> str:
    return f"{value.day} {value:%B %Y, %H:%M}"


def _points(value: float) -> str:
    return f"{round(value, 2):g}"


def _percent(share: float) -> str:
    return f"{share:.0%}"
