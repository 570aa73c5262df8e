"""What tests of assignments hand to students' functions: a machine with a clock of its own, a spy, and a black box."""

import math
import os
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from coursekit.grading.blackbox import BlackBox, read_journal
from coursekit.grading.machine import FakeMachine
from coursekit.grading.spies import Spy, fits


def test_time_passes_only_when_the_result_is_waited_for():
    machine = FakeMachine(serial_s=1.0, parallel_s=8.0)
    begin = machine.clock()
    run = machine.job(4)
    assert (machine.clock() - begin, run.done()) == (0.0, False)
    run.result()
    run.result()
    assert (machine.clock() - begin, run.done()) == (3.0, True)


def test_the_first_run_of_each_number_takes_longer():
    machine = FakeMachine(serial_s=1.0, parallel_s=0.0, first_s=10.0)
    times = []
    for workers in (2, 3, 2):
        begin = machine.clock()
        machine.job(workers).result()
        times.append(machine.clock() - begin)
    assert times == [11.0, 11.0, 1.0]
    assert machine.started == [2, 3, 2]


def test_delays_begin_again_at_their_end():
    machine = FakeMachine(serial_s=0.0, parallel_s=0.0, delays_s=(1.0, 2.0))
    begin = machine.clock()
    for _ in range(3):
        machine.job(1).result()
    assert machine.clock() - begin == 4.0


def test_two_runs_at_once_are_refused():
    machine = FakeMachine(serial_s=1.0, parallel_s=0.0)
    machine.job(1)
    with pytest.raises(AssertionError, match="before the one before it was done"):
        machine.job(2)


def test_nothing_that_the_machine_hands_out_leads_to_the_test_that_made_it():
    machine = FakeMachine(serial_s=1.0, parallel_s=0.0)
    for function in (machine.clock, machine.job, machine.job(1).result):
        assert function.__func__.__globals__["__name__"] == "coursekit.grading.machine"


def test_a_spy_in_a_pipeline_writes_down_what_reaches_it():
    fits.clear()
    features, labels = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])
    fitted = clone(make_pipeline(StandardScaler(), Spy())).fit(features, labels)
    (seen, told), *others = fits
    assert not others
    assert np.allclose(seen.mean(axis=0), 0)
    assert np.array_equal(told, labels)
    assert fitted.predict(features).tolist() == [0, 0, 0, 1, 1, 1]


TRIALS = [{"rate": 10.0 ** -(power + 1), "seed": power} for power in range(4)]


def test_a_black_box_scores_a_trial_by_its_distance_and_always_the_same(tmp_path):
    box = BlackBox(journal=tmp_path / "journal", best={"rate": 0.01}, noise=0.5)
    exact = BlackBox(journal=tmp_path / "journal", best={"rate": 0.01})
    assert [exact(trial, 1) for trial in TRIALS] == pytest.approx([-1, 0, -1, -4])
    assert [box(trial, 4) for trial in TRIALS] == [pickle.loads(pickle.dumps(box))(trial, 4) for trial in TRIALS]
    luck = [abs(box({"rate": 0.01, "seed": own}, budget)) for budget in (1, 100) for own in range(200)]
    assert sum(luck[:200]) > 5 * sum(luck[200:])


def test_a_good_trial_of_a_slow_black_box_is_poor_with_a_small_budget(tmp_path):
    box = BlackBox(journal=tmp_path / "journal", best={"rate": 0.01}, slow=5.0)
    good, poor = {"rate": 0.01, "seed": 1}, {"rate": 1.0, "seed": 2}
    assert box(good, 1) < box(poor, 1)
    assert box(good, 10) > box(poor, 10)


def test_a_black_box_crashes_from_a_budget_on_and_gives_what_it_is_told(tmp_path):
    box = BlackBox(journal=tmp_path / "journal", best={"rate": 0.01}, crashes={0: 3}, gives={1: math.inf, 2: None})
    small, large = box.run(TRIALS, 1), box.run(TRIALS, 3)
    assert [bool(row["error"]) for row in small] == [False, True, True, False]
    assert [bool(row["error"]) for row in large] == [True, True, True, False]
    assert large[0]["error"].startswith("MemoryError: ")
    assert [math.isnan(row["score"]) for row in large] == [True, True, True, False]
    assert [row["trial"] for row in large] == [0, 1, 2, 3]


def test_a_black_box_writes_down_each_training_and_who_did_it(tmp_path):
    box = BlackBox(journal=tmp_path / "journal", best={"rate": 0.01}, crashes={0: 1})
    assert read_journal(box.journal) == []
    box.run(TRIALS[:2], 7)
    here = {"process": os.getpid(), "partition": -1}
    assert read_journal(box.journal) == [{"seed": own, "budget": 7, **here} for own in (0, 1)]


def test_nothing_that_a_black_box_hands_out_leads_to_the_test_that_made_it(tmp_path):
    box = BlackBox(journal=tmp_path / "journal", best={"rate": 0.01})
    for function in (box.__call__, box.run, box.value):
        assert function.__func__.__globals__["__name__"] == "coursekit.grading.blackbox"
