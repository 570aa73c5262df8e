"""What tests of assignments hand to students' functions: a machine with a clock of its own, and a spy."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
