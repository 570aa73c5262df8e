from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from coursekit.errors import SettingsError
from coursekit.measure import auc, auc_error, draw_roc, roc, significance


def events(n: int, shift: float, seed: int, *, signal: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < signal
    labels[:2] = 0, 1  # both classes are there
    return labels, rng.normal(shift * labels)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=60))
def test_the_area_is_that_of_scikit_learn_with_many_equal_scores_too(rows):
    labels, scores = map(np.array, zip(*rows, strict=True))
    if labels.all() or not labels.any():
        labels[0] = not labels[0]
    assert auc(labels, scores).value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    assert auc([0, 0, 1, 1], [1, 2, 2, 3]).value == 3.5 / 4
    assert auc([0, 1], [0.1, 0.9]).value == 1
    assert auc([0, 1], [7, 7]).value == 0.5


@given(area=st.floats(0.5, 1), n=st.integers(2, 10_000))
def test_the_error_falls_as_one_over_the_root_of_the_number_of_events(area, n):
    assert auc_error(area, 100 * n, 100 * n) <= auc_error(area, n, n)
    assert 10 * auc_error(0.8, 10_000 * n, 10_000 * n) == pytest.approx(auc_error(0.8, 100 * n, 100 * n), rel=0.02)


def test_the_error_is_the_published_one():
    """The example of Hanley and McNeil's formula that the syllabus gives: area 0.88, 10,000 events of each class."""
    assert auc_error(0.88, 10_000, 10_000) == pytest.approx(0.0025, abs=0.0001)
    assert auc_error(0.88, 250_000, 250_000) == pytest.approx(0.0005, abs=0.00002)


@pytest.mark.parametrize("shift", [0.0, 0.7, 1.5])
def test_the_error_is_the_scatter_of_areas_from_one_sample_to_the_next(shift):
    areas = [auc(*events(400, shift, seed)) for seed in range(300)]
    scatter = np.std([area.value for area in areas])
    assert np.mean([area.error for area in areas]) == pytest.approx(scatter, rel=0.15)


def test_the_curve_is_that_of_scikit_learn():
    labels, scores = events(500, 1.0, seed=1, signal=0.2)
    scores = scores.round(1)  # many equal scores
    mistaken, found, _ = roc_curve(labels, scores)
    curve = roc(labels, scores, points=1001, resamples=2)
    assert curve.true_positive == pytest.approx(np.interp(curve.false_positive, mistaken, found), abs=1e-12)
    assert curve.area == auc(labels, scores)


def test_the_band_holds_the_true_curve_as_often_as_it_says():
    truth = math.erfc((0.5244 - 1.0) / 2**0.5) / 2  # signal N(1, 1) above the point that 30 % of N(0, 1) exceed
    inside = 0
    for seed in range(200):
        curve = roc(*events(400, 1.0, seed), points=11, resamples=100, level=0.68, seed=seed)
        inside += curve.low[3] <= truth <= curve.high[3]
    assert 0.55 < inside / 200 < 0.8


def test_more_events_make_a_narrower_band():
    few, many = (roc(*events(n, 1.0, seed=2)) for n in (100, 10_000))
    assert np.mean(many.high - many.low) < 0.2 * np.mean(few.high - few.low)
    assert (few.low <= few.high).all()


def test_the_significance_is_that_of_the_authors_examples():
    assert significance(50, 100, background_error=7) == pytest.approx(3.72, abs=0.005)
    assert significance(10, 10_000) == pytest.approx(10 / 10_000**0.5, rel=1e-3)
    assert significance(0, 5) == 0


@given(s=st.floats(0, 1e4), b=st.floats(0.1, 1e6), error=st.floats(1e-3, 1e3))
def test_an_uncertain_background_never_makes_a_discovery_easier(s, b, error):
    assert 0 <= significance(s, b, background_error=error) <= significance(s, b) + 1e-4


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: auc([0, 1], [1.0]), "2 labels and 1 scores"),
        (lambda: auc([0, 1], [1.0, math.nan]), "finite"),
        (lambda: auc([1, 1], [1.0, 2.0]), "both 0 and 1"),
        (lambda: auc([0, 1, 2], [1.0, 2.0, 3.0]), "both 0 and 1"),
        (lambda: auc_error(1.2, 10, 10), "area = 1.2"),
        (lambda: auc_error(0.8, 0, 10), "signal = 0"),
        (lambda: roc([0, 1], [0, 1], level=1), "level = 1"),
        (lambda: significance(1, 0), "background = 0"),
        (lambda: significance(-1, 10), "signal = -1"),
    ],
)
def test_what_cannot_be_is_refused_with_something_to_do(make, said):
    with pytest.raises(SettingsError) as refused:
        make()
    assert said in refused.value.message
    assert refused.value.fix


def test_the_plot_names_every_curve_with_its_area():
    labels, scores = events(300, 1.0, seed=3)
    figure = draw_roc({"model": roc(labels, scores), "noise": roc(labels, -scores)})
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[0].startswith("chance")
    assert names[1].startswith(f"model: AUC {auc(labels, scores).value:.3f}")
    assert len(figure.axes) == 2


def test_a_notebook_shows_a_plot_also_where_nobody_imported_pyplot():
    from IPython.core.formatters import DisplayFormatter

    labels, scores = events(300, 1.0, seed=3)
    shown, _ = DisplayFormatter().format(draw_roc({"model": roc(labels, scores)}))
    assert shown["image/png"].startswith(b"\x89PNG")
