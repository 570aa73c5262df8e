from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.errors import SettingsError
from coursekit.measure import (
    Scaling,
    attainable_flops,
    dense_step,
    draw_scaling,
    draw_throughput,
    measure_scaling,
    measure_throughput,
)

COUNTS = (1, 2, 4, 8, 16)
shares = st.floats(0.001, 0.9)
seconds = st.floats(0.01, 1e4)


def exactly(time_of: object, counts: tuple[int, ...] = COUNTS, **settings: object) -> Scaling:
    return Scaling(seconds={n: [time_of(n)] * 2 for n in counts}, **settings)


@given(f=shares, one=seconds)
def test_amdahls_fit_finds_the_serial_share_of_times_that_follow_it(f, one):
    model = exactly(lambda n: one * (f + (1 - f) / n)).amdahl()
    assert model.parameters["serial share"].value == pytest.approx(f, rel=1e-6, abs=1e-9)
    assert model.parameters["seconds on one"].value == pytest.approx(one)
    assert model.speedup(1e12) == pytest.approx(1 / f, rel=1e-4)


@given(f=shares, one=seconds)
def test_karp_and_flatt_give_amdahls_share_at_every_number_of_workers(f, one):
    scaling = exactly(lambda n: one * (f + (1 - f) / n))
    for n in COUNTS[1:]:
        assert scaling.karp_flatt(n).value == pytest.approx(f, rel=1e-6)


@given(sigma=st.floats(0, 0.5), kappa=st.floats(0, 0.05), one=seconds)
def test_the_universal_law_is_found_again(sigma, kappa, one):
    model = exactly(lambda n: one * (1 + sigma * (n - 1) + kappa * n * (n - 1)) / n).universal()
    assert model.parameters["contention"].value == pytest.approx(sigma, abs=1e-6)
    assert model.parameters["coherence"].value == pytest.approx(kappa, abs=1e-6)


@given(f=shares, one=seconds)
def test_gustafsons_share_is_that_of_the_time_on_all_workers(f, one):
    """Serial seconds stay, parallel seconds stay too while each worker does its own part of the growing work."""
    scaling = exactly(lambda n: n * one / (n - f * (n - 1)), work_grows=True)
    for n in COUNTS[1:]:
        assert scaling.speedup(n).value == pytest.approx(n - f * (n - 1))
        assert scaling.serial_share(n).value == pytest.approx(f, rel=1e-6)


def test_weak_scaling_without_loss_has_no_growth():
    model = exactly(lambda n: 3.0, work_grows=True).gustafson()
    assert model.parameters["growth"].value == pytest.approx(0, abs=1e-12)


def test_the_example_of_the_books_comes_out():
    """A twentieth of serial work and 16 workers: Amdahl's law gives 9.14."""
    scaling = exactly(lambda n: 0.05 + 0.95 / n)
    assert scaling.speedup(16).value == pytest.approx(9.14, abs=0.005)
    assert scaling.efficiency(16).value == pytest.approx(9.14 / 16, abs=0.001)


def test_the_error_of_the_share_covers_what_noise_does_to_it():
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(200):
        times = {n: list((0.2 + 0.8 / n) * (1 + rng.normal(0, 0.02, 5))) for n in COUNTS}
        share = Scaling(seconds=times).amdahl().parameters["serial share"]
        inside += abs(share.value - 0.2) < share.error
    assert 0.55 < inside / 200 < 0.95, "about two thirds lie within one standard error"


def test_one_repeat_has_no_error_and_two_have():
    assert Scaling(seconds={1: [4.0], 2: [2.0]}).speedup(2).error == 0
    assert Scaling(seconds={1: [4.0, 4.2], 2: [2.0, 2.1]}).speedup(2).error > 0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Scaling(seconds={2: [1.0]}), "lacks 1"),
        (lambda: Scaling(seconds={1: [0.0]}), "cannot be"),
        (lambda: Scaling(seconds={1: [math.inf]}), "cannot be"),
        (lambda: Scaling(seconds={1: [1.0]}).karp_flatt(1), "not defined for 1"),
        (lambda: Scaling(seconds={1: [1.0]}).amdahl(), "1 points for 2 parameters"),
        (lambda: Scaling(seconds={1: [1.0], 2: [1.0]}).gustafson(), "amdahl"),
        (lambda: exactly(lambda n: 1.0, work_grows=True).amdahl(), "gustafson"),
        (lambda: measure_scaling(lambda n: n, workers=(2, 4)), "one worker has to be measured"),
    ],
)
def test_what_cannot_be_is_refused_with_something_to_do(make, said):
    with pytest.raises(SettingsError) as refused:
        make()
    assert said in f"{refused.value.message} {refused.value.fix}"
    assert refused.value.fix


def test_numbers_are_measured_in_turns_each_prepared_before():
    calls: list[tuple[str, int]] = []
    scaling = measure_scaling(
        lambda n: calls.append(("job", n)),
        workers=(4, 1, 2),
        repeats=2,
        prepare=lambda n: calls.append(("prepare", n)),
    )
    assert [n for what, n in calls if what == "job"] == [1, 2, 4, 4, 2, 1]
    assert calls[::2] == [("prepare", n) for _, n in calls[1::2]]
    assert {n: len(times) for n, times in scaling.seconds.items()} == {1: 2, 2: 2, 4: 2}


def test_throughput_leaves_the_first_steps_out():
    steps: list[int] = []
    found = measure_throughput(steps.append, batch_sizes=(64, 32), repeats=3, settle=2)
    assert steps == [32] * 5 + [64] * 5
    assert list(found) == [32, 64]
    assert all(rate.value > 0 for rate in found.values())


def test_a_step_is_bound_by_memory_below_the_ridge_and_by_arithmetic_above():
    assert attainable_flops(1, peak_flops=100, bandwidth=10) == 10
    assert attainable_flops(50, peak_flops=100, bandwidth=10) == 100


def test_a_dense_step_costs_three_products_of_matrices():
    flops, moved = dense_step(10, (28, 64, 1))
    assert flops == 6 * 10 * (28 * 64 + 64 * 1)
    assert moved == 4 * (4 * (28 * 64 + 64) + 3 * 10 * (28 + 64 + 1))
    assert dense_step(1000, (28, 64, 1))[0] / dense_step(1000, (28, 64, 1))[1] > flops / moved, "batches reuse weights"


def test_plots_show_what_was_measured_beside_the_ideal_and_the_model():
    scaling = exactly(lambda n: 0.1 + 0.9 / n)
    figure = draw_scaling(scaling, (scaling.amdahl(), scaling.universal()))
    left, right = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()][:3] == [
        "ideal",
        "Amdahl",
        "universal scalability law",
    ]
    assert (left.get_ylabel(), right.get_ylabel()) == ("speed-up", "efficiency")
    assert draw_throughput(measure_throughput(lambda n: None, batch_sizes=(1, 2))).axes


def test_rows_hold_values_with_their_errors():
    rows = Scaling(seconds={1: [4.0, 4.2], 2: [2.0, 2.1]}).rows()
    assert [row["workers"] for row in rows] == [1, 2]
    assert rows[0]["Karp-Flatt"] == ""
    assert "\N{PLUS-MINUS SIGN}" in rows[1]["speed-up"]
