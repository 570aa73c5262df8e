"""Plots of how a job scales, and of how well a score tells signal from background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from coursekit.measure.classification import Roc
from coursekit.measure.fits import Estimate, Model
from coursekit.measure.scaling import Scaling

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which the colour-blind can tell apart (https://jfly.uni-koeln.de/color/).
_MEASURED: Final = "#0072B2"
_MODEL: Final = "#D55E00"
_IDEAL: Final = "#767676"
_LINES: Final = ("-", ":", "-.")
_CURVES: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def draw_scaling(scaling: Scaling, models: Sequence[Model] | None = None) -> Figure:
    """Draw speed-up and efficiency over the workers, beside the ideal.

    Parameters
    ----------
    scaling : Scaling
        What was measured.
    models : sequence of Model, optional
        Drawn too; the one for this kind of run when not given.
    """
    from coursekit.measure.picture import Picture

    if models is None:
        models = (scaling.gustafson() if scaling.work_grows else scaling.amdahl(),)
    figure = Picture(figsize=(9, 3.6), layout="constrained")
    counts = np.array(scaling.workers, dtype=float)
    smooth = np.linspace(1, counts[-1], 200)
    work = smooth if scaling.work_grows else np.ones_like(smooth)
    left, right = figure.subplots(1, 2)
    for axes, measure, per, label in (
        (left, scaling.speedup, np.ones_like(smooth), "scaled speed-up" if scaling.work_grows else "speed-up"),
        (right, scaling.efficiency, smooth, "efficiency"),
    ):
        axes.plot(smooth, smooth / per, color=_IDEAL, linestyle="--", label="ideal")
        for model, line in zip(models, _LINES * len(models), strict=False):
            predicted = np.array([model.speedup(n) for n in smooth]) * work / per
            axes.plot(smooth, predicted, color=_MODEL, linestyle=line, label=model.name)
        found = [measure(workers) for workers in scaling.workers]
        axes.errorbar(
            counts,
            [one.value for one in found],
            yerr=[one.error for one in found],
            fmt="o",
            color=_MEASURED,
            capsize=3,
            label="measured, with its standard error",
        )
        axes.set(xlabel="workers", ylabel=label, xticks=counts, ylim=(0, None))
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def draw_throughput(found: Mapping[int, Estimate]) -> Figure:
    """Draw samples per second over the batch size, both on logarithmic axes."""
    from coursekit.measure.picture import Picture

    figure = Picture(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    rates = list(found.values())
    axes.errorbar(
        list(found), [rate.value for rate in rates], yerr=[rate.error for rate in rates],
        fmt="o-", color=_MEASURED, capsize=3,
    )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="batch size", ylabel="samples per second")
    axes.set_xticks(list(found), [str(size) for size in found])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def draw_roc(curves: Mapping[str, Roc]) -> Figure:
    """Draw ROC curves with their bands, and the background rejection over the signal efficiency.

    Parameters
    ----------
    curves : mapping of str to Roc
        By name, as the legend shows them with their areas.
    """
    from coursekit.measure.picture import Picture

    figure = Picture(figsize=(9, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=_IDEAL, linestyle="--", label="chance: AUC 0.5")
    for number, (name, curve) in enumerate(curves.items()):
        colour, line = _CURVES[number % len(_CURVES)], _LINES[number % len(_LINES)]
        area = f"{name}: AUC {curve.area.value:.3f} \N{PLUS-MINUS SIGN} {curve.area.error:.3f}"
        left.fill_between(curve.false_positive, curve.low, curve.high, color=colour, alpha=0.25, linewidth=0)
        left.plot(curve.false_positive, curve.true_positive, color=colour, linestyle=line, label=area)
        inner = curve.false_positive > 0
        rejection = 1 / curve.false_positive[inner]
        right.fill_betweenx(rejection, curve.low[inner], curve.high[inner], color=colour, alpha=0.25, linewidth=0)
        right.plot(curve.true_positive[inner], rejection, color=colour, linestyle=line)
    left.set(xlabel="background taken for signal (false-positive rate)", ylabel="signal found (true-positive rate)")
    right.set(xlabel="signal found", ylabel="background rejection (1 / false-positive rate)", yscale="log", xlim=(0, 1))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure
