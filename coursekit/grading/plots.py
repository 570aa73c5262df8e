"""Plots of an overview as SVG that takes its colours and letters from the page around it.

matplotlib draws with placeholder colours; each becomes a variable of the page's style sheet, so that one drawing is
right on a light and on a dark page. Text stays text.
"""

from __future__ import annotations

import html
import io
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from coursekit.grading.overview import Question

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A colour that nothing else has, and the variable that takes its place.
_COLOURS: Final = {
    "ink": "#010101",
    "muted": "#020202",
    "line": "#030303",
    "full": "#040404",
    "some": "#050505",
    "none": "#060606",
    "pending": "#070707",
    "on-full": "#080808",
    "on-some": "#090909",
    "on-none": "#0a0a0a",
    "on-pending": "#0b0b0b",
}
_WIDTH: Final = 6.4
_STYLE: Final[Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.parse_math": False,
    "text.color": _COLOURS["ink"],
    "axes.edgecolor": _COLOURS["line"],
    "axes.labelcolor": _COLOURS["muted"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.labelpad": 8,
    "grid.color": _COLOURS["line"],
    "grid.linewidth": 0.8,
    "xtick.color": _COLOURS["line"],
    "ytick.color": _COLOURS["line"],
    "xtick.labelcolor": _COLOURS["muted"],
    "ytick.labelcolor": _COLOURS["muted"],
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}
KINDS: Final = {"full": "all points", "some": "some", "none": "none", "pending": "to be graded"}
_NAME_MAX: Final = 24
_BINS: Final = 10


def scores_plot(scores: Sequence[float], most: float) -> str:
    """Draw how many submissions have how many points, with the median."""
    title = f"Distribution of {len(scores)} scores out of {most:g}"
    with _drawing() as draw:
        figure, axes = draw(3.1)
        edges = [most * step / _BINS for step in range(_BINS + 1)]
        counts, _, _ = axes.hist(scores, bins=edges, rwidth=0.92, color=_COLOURS["full"])
        top = _count_axis(axes, max(counts, default=0))
        median = statistics.median(scores)
        axes.axvline(median, color=_COLOURS["ink"], linewidth=1.5, linestyle=(0, (4, 2)), ymax=0.93)
        side = "right" if median > 0.75 * most else "left"
        axes.annotate(
            f"median {median:g}", (median, top), xytext=(-6 if side == "right" else 6, 0), textcoords="offset points",
            ha=side, va="top", fontweight="bold",
        )  # fmt: skip
        axes.set(xlabel="points after late penalties", ylabel="submissions", xlim=(0, most))
        return _svg(
            figure, "scores", title, f"The median is {median:g} points, from {min(scores):g} to {max(scores):g}."
        )


def questions_plot(questions: Sequence[Question]) -> str:
    """Draw for each question how many got all, some and none of its points."""
    with _drawing() as draw:
        figure, axes = draw(0.9 + 0.42 * len(questions))
        names = [_short(each.cell) for each in questions]
        places = range(len(questions))
        left = [0.0] * len(questions)
        for kind, label in KINDS.items():
            counts = [getattr(each, kind) for each in questions]
            if not any(counts):
                continue
            bars = axes.barh(places, counts, left=left, height=0.66, color=_COLOURS[kind], label=label)
            labels = [str(count) if count else "" for count in counts]
            axes.bar_label(bars, labels, label_type="center", fontsize=9.5, color=_COLOURS[f"on-{kind}"])
            left = [start + count for start, count in zip(left, counts, strict=True)]
        axes.set_yticks(places, names, color=_COLOURS["ink"])
        axes.invert_yaxis()
        axes.set_xlim(0, max(left, default=1) or 1)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, borderaxespad=0.2, handlelength=1)
        said = "; ".join(f"{each.cell}: {each.full} all, {each.some} some, {each.none} none" for each in questions)
        return _svg(figure, "questions", "How many submissions got all, some and none of each question's points", said)


def seconds_plot(seconds: Iterable[float]) -> str:
    """Draw how long submissions ran."""
    times = list(seconds)
    with _drawing() as draw:
        figure, axes = draw(2.6)
        top = max(times)
        edges = [top * step / 12 for step in range(13)]
        counts, _, _ = axes.hist(times, bins=edges, rwidth=0.92, color=_COLOURS["full"])
        _count_axis(axes, max(counts, default=0))
        axes.set(xlabel="seconds of grading", ylabel="submissions", xlim=(0, top))
        said = f"The median is {statistics.median(times):.1f} s, the longest {top:.1f} s."
        return _svg(figure, "seconds", f"How long {len(times)} submissions ran", said)


def failures_plot(counts: Mapping[str, int]) -> str:
    """Draw how tests that did not give full points ended."""
    with _drawing() as draw:
        figure, axes = draw(0.5 + 0.42 * len(counts))
        bars = axes.barh(range(len(counts)), list(counts.values()), height=0.66, color=_COLOURS["none"])
        axes.bar_label(bars, padding=5, fontweight="bold")
        axes.set_yticks(range(len(counts)), list(counts), color=_COLOURS["ink"])
        axes.invert_yaxis()
        axes.margins(x=0.08)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        said = ", ".join(f"{kind}: {count}" for kind, count in counts.items())
        return _svg(figure, "failures", "Tests without full points, by how they ended", said)


class _drawing:  # noqa: N801 -- reads as a word in a with statement
    """matplotlib's settings for these plots, and what makes a figure with one pair of axes."""

    def __enter__(self) -> _drawing:
        import matplotlib as mpl

        self._context = mpl.rc_context(_STYLE)
        self._context.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(None, None, None)

    def __call__(self, height: float) -> tuple[Figure, Axes]:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.subplots()
        axes.patch.set_visible(False)
        return figure, axes


def _count_axis(axes: Axes, most: float) -> float:
    from matplotlib.ticker import MaxNLocator

    top = max(1.0, most) * 1.18
    axes.set_ylim(0, top)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.grid(axis="y")
    return top


def _short(name: str) -> str:
    return name if len(name) <= _NAME_MAX else f"{name[: _NAME_MAX - 1]}…"


def _svg(figure: Figure, name: str, title: str, said: str) -> str:
    """Write a figure as SVG to stand in a page: named for screen readers, its ids its own, its colours variables."""
    import matplotlib as mpl

    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", text)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"'DejaVu Sans'[^;\"]*sans-serif", "var(--font)", text)
    for variable, colour in _COLOURS.items():
        text = text.replace(colour, f"var(--{variable})")
    head = f'<svg role="img" aria-labelledby="{name}-title {name}-said"'
    named = f'<title id="{name}-title">{html.escape(title)}</title><desc id="{name}-said">{html.escape(said)}</desc>'
    return re.sub(r"<svg\b([^>]*)>", lambda match: f"{head}{match[1]}>{named}", text, count=1)
