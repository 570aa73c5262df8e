"""How well a score tells signal from background: AUC and ROC with their errors, and the significance of an excess.

area = auc(labels, scores)                      # 0.790 ± 0.005
curve = roc(labels, scores)                     # with a band from resampled events
significance(100, 1000, background_error=50)    # 1.6 sigma
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from coursekit.errors import SettingsError
from coursekit.measure.fits import Estimate, Numbers

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Places = np.ndarray[Any, np.dtype[np.intp]]

_LEVEL: Final = 0.68


@dataclass(frozen=True, kw_only=True, slots=True)
class Roc:
    """A ROC curve and a band around it.

    Parameters
    ----------
    false_positive : array of float, shape (k,)
        Share of the background that is taken for signal, from 0 to 1.
    true_positive : array of float, shape (k,)
        Share of the signal that is found at each.
    low, high : array of float, shape (k,)
        Pointwise band of ``true_positive``.
    level : float
        Share of the resampled curves that lie within the band, point by point.
    area : Estimate
        Area under the curve with its standard error by Hanley and McNeil.
    """

    false_positive: Numbers
    true_positive: Numbers
    low: Numbers
    high: Numbers
    level: float
    area: Estimate


def auc(labels: ArrayLike, scores: ArrayLike) -> Estimate:
    """Give the area under the ROC curve, and its standard error.

    It is the probability that a signal event drawn at random has a higher score than a background event drawn at
    random; equal scores count half.

    Parameters
    ----------
    labels : array, shape (n,)
        1 or true for signal, 0 or false for background.
    scores : array of float, shape (n,)
        Larger for what looks more like signal; only their order matters.

    Raises
    ------
    SettingsError
        If lengths differ, a score is not a number, labels are not two classes, or one class is missing.

    See Also
    --------
    auc_error : The error for numbers of events that are planned and not there yet.
    """
    is_signal, values = _read(labels, scores)
    signal = int(is_signal.sum())
    background = len(is_signal) - signal
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # from 1; equal scores share the mean of their ranks
    pairs_won = ranks[is_signal].sum() - signal * (signal + 1) / 2
    area = float(pairs_won / (signal * background))
    return Estimate(area, auc_error(area, signal, background))


def auc_error(area: float, signal: int, background: int) -> float:
    r"""Give the standard error of an area under the ROC curve by Hanley and McNeil [1]_.

    :math:`\sigma^2 = [A(1-A) + (n_s-1)(Q_1-A^2) + (n_b-1)(Q_2-A^2)] / (n_s n_b)` with :math:`Q_1 = A/(2-A)` and
    :math:`Q_2 = 2A^2/(1+A)`, which hold for scores with exponential distributions and nearly for most others.

    Parameters
    ----------
    area : float
        Area, 0 to 1.
    signal, background : int
        Numbers of events it was, or will be, measured with.

    Raises
    ------
    SettingsError
        If the area is not from 0 to 1, or a class has no events.

    References
    ----------
    .. [1] J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC)
       curve", Radiology 143, 29 (1982).
    """
    if not 0 <= area <= 1:
        raise SettingsError(f"area = {area} is no area under a ROC curve.", fix="give a number from 0 to 1")
    if signal < 1 or background < 1:
        raise SettingsError(
            f"signal = {signal}, background = {background}: each needs an event.", fix="give numbers of 1 or more"
        )
    one_background = area / (2 - area) - area**2  # two signal events against one background event
    one_signal = 2 * area**2 / (1 + area) - area**2
    total = area * (1 - area) + (signal - 1) * one_background + (background - 1) * one_signal
    return math.sqrt(max(total, 0.0) / (signal * background))


def roc(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    points: int = 201,
    resamples: int = 200,
    level: float = _LEVEL,
    seed: int = 0,
) -> Roc:
    """Give the ROC curve with a pointwise band from events drawn again with replacement, signal and background apart.

    Parameters
    ----------
    labels, scores : array, shape (n,)
        As in `auc`.
    points : int
        Equally spaced values of the false-positive rate, 0 and 1 included.
    resamples : int
        Drawings; each costs two passes over the events.
    level : float
        Share of the resampled curves within the band, above 0 and below 1.
    seed : int
        Of the drawings.

    Raises
    ------
    SettingsError
        As `auc`; or if ``points`` or ``resamples`` is below 2, or ``level`` not between 0 and 1.
    """
    if points < 2 or resamples < 2 or not 0 < level < 1:
        raise SettingsError(
            f"points = {points}, resamples = {resamples}, level = {level}: no band comes of that.",
            fix="use at least 2 points and resamples, and a level between 0 and 1",
        )
    is_signal, values = _read(labels, scores)
    rng = np.random.default_rng(seed)
    grid = np.linspace(0, 1, points)
    # From the highest score down; the last event of each score is where a threshold can be.
    order = np.argsort(-values, kind="stable")
    is_signal, values = is_signal[order], values[order]
    ends = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    once = np.ones(len(values))
    curves = np.empty((resamples, points))
    for row in curves:
        row[:] = _curve(is_signal, _draw_again(is_signal, rng), ends, grid)
    tail = (1 - level) / 2
    low, high = np.quantile(curves, [tail, 1 - tail], axis=0)
    return Roc(
        false_positive=grid,
        true_positive=_curve(is_signal, once, ends, grid),
        low=low,
        high=high,
        level=level,
        area=auc(is_signal, values),
    )


def significance(signal: float, background: float, *, background_error: float = 0.0) -> float:
    r"""Give the median significance, in standard deviations, with which an expected signal would be discovered.

    Without an error of the background it is :math:`\sqrt{2[(s+b)\ln(1+s/b) - s]}`, the *Asimov* significance [1]_:
    about :math:`s/\sqrt{b}` for a small signal. With one it includes a measurement that constrains the background [2]_.

    Parameters
    ----------
    signal, background : float
        Expected numbers of events after the selection; the background above 0.
    background_error : float
        Standard deviation of the expected background, events.

    Raises
    ------
    SettingsError
        If a number is negative, or no background is expected.

    References
    ----------
    .. [1] G. Cowan, K. Cranmer, E. Gross, O. Vitells, "Asymptotic formulae for likelihood-based tests of new physics",
       Eur. Phys. J. C 71, 1554 (2011), arXiv:1007.1727.
    .. [2] G. Cowan, "Discovery sensitivity for a counting experiment with background uncertainty" (2012); in code as
       github.com/cranmer/fast-asimov-utils, whose example is 50 signal events over 100 with an error of 7: 3.72.
    """
    s, b, error = float(signal), float(background), float(background_error)
    if s < 0 or b <= 0 or error < 0:
        raise SettingsError(
            f"signal = {s}, background = {b}, background_error = {error} cannot be.",
            fix="give a background above 0, and nothing negative",
        )
    if error == 0:
        return math.sqrt(max(0.0, 2 * ((s + b) * math.log1p(s / b) - s)))
    variance = error**2
    first = (s + b) * math.log((s + b) * (b + variance) / (b**2 + (s + b) * variance))
    second = b**2 / variance * math.log1p(variance * s / (b * (b + variance)))
    return math.sqrt(max(0.0, 2 * (first - second)))


def _read(labels: ArrayLike, scores: ArrayLike) -> tuple[Flags, Numbers]:
    marks, values = np.asarray(labels).ravel(), np.asarray(scores, dtype=float).ravel()
    if len(marks) != len(values):
        raise SettingsError(f"{len(marks)} labels and {len(values)} scores.", fix="give one score for each label")
    if not np.isfinite(values).all():
        raise SettingsError("a score is not a finite number.", fix="look at what the model gave, and where")
    found = set(np.unique(marks).tolist())
    if found != {0, 1}:
        raise SettingsError(
            f"labels = {sorted(found)[:5]}, but both 0 and 1 are needed.",
            fix="give 1 for signal and 0 for background",
        )
    return marks.astype(bool), values


def _draw_again(is_signal: Flags, rng: np.random.Generator) -> Numbers:
    """Say how often each event is drawn, as many of each class as there are."""
    weights = np.empty(len(is_signal))
    for chosen in (is_signal, ~is_signal):
        size = int(chosen.sum())
        weights[chosen] = np.bincount(rng.integers(size, size=size), minlength=size)
    return weights


def _curve(is_signal: Flags, weights: Numbers, ends: Places, grid: Numbers) -> Numbers:
    """Give the true-positive rate over a grid of false-positive rates; events come from the highest score down."""
    found = np.append(0.0, np.cumsum(weights * is_signal)[ends])
    mistaken = np.append(0.0, np.cumsum(weights * ~is_signal)[ends])
    rates: Numbers = np.interp(grid, mistaken / mistaken[-1], found / found[-1])
    return rates
