"""What a search tries, and what a trial makes of it, without Spark."""

from __future__ import annotations

import pytest

from coursekit.errors import SettingsError
from coursekit.training.space import Uniform, draw, grid, seeds
from coursekit.training.trial import Trial, run_trial

SPACE = {"depth": [2, 4], "rate": Uniform(low=1e-3, high=1.0, log=True), "trees": Uniform(low=1, high=9, whole=True)}


def test_a_grid_has_every_combination_once():
    assert grid({"a": [1, 2], "b": ["x", "y"]}) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def test_a_trial_does_not_depend_on_how_many_others_there_are():
    assert draw(SPACE, 10, seed=1)[:4] == draw(SPACE, 4, seed=1)
    assert draw(SPACE, 10, seed=1) != draw(SPACE, 10, seed=2)
    assert seeds(10, 1)[:4] == seeds(4, 1)
    assert len(set(seeds(100, 1))) == 100


def test_ranges_are_kept_to_and_their_orders_of_magnitude_are_equally_likely():
    values = draw(SPACE, 600, seed=0)
    assert all(1e-3 <= one["rate"] <= 1 and one["trees"] in range(1, 10) and one["depth"] in (2, 4) for one in values)
    assert 160 < sum(one["rate"] < 1e-2 for one in values) < 240


@pytest.mark.parametrize(
    ("space", "message"),
    [({}, "nothing to search"), ({"a": []}, "nothing to choose from"), ({"a": "text"}, "nothing to choose from")],
)
def test_a_space_without_choices_is_refused(space, message):
    with pytest.raises(SettingsError, match=message):
        draw(space, 3, seed=0)


def test_a_range_has_no_grid_and_needs_ends():
    with pytest.raises(SettingsError, match="a grid needs values"):
        grid(SPACE)
    with pytest.raises(SettingsError, match="nothing can be drawn"):
        Uniform(low=0, high=1, log=True)


def test_a_function_gets_seed_and_budget_only_if_it_asks_for_them():
    trial = Trial(number=0, values={"a": 2}, seed=7, budget=3)
    assert run_trial(lambda a: a, trial).metrics == {"score": 2.0}
    assert run_trial(lambda a, budget, seed: {"x": a + budget, "y": seed}, trial).metrics == {"x": 5.0, "y": 7.0}


def test_what_a_trial_raises_is_its_result():
    outcome = run_trial(lambda a: a / 0, Trial(number=0, values={"a": 2}, seed=7))
    assert outcome.error == "ZeroDivisionError: division by zero"
    assert "lambda" in outcome.trace
    assert outcome.metrics == {}


def test_a_trial_whose_process_was_killed_twice_is_not_tried_again():
    outcome = run_trial(lambda a: a, Trial(number=0, values={"a": 2}, seed=7), attempt=2)
    assert "killed 2 times" in outcome.error
