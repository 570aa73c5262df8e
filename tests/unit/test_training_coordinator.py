"""What ranks tell the driver, and what it makes of ranks that are lost; without Keras or Spark."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from coursekit.errors import PeerLostError
from coursekit.training import coordinator as room
from coursekit.training.checkpoint import Checkpoints, State
from coursekit.training.coordinator import Coordinator, Driver
from coursekit.training.wire import connect


@pytest.fixture
def driver() -> Iterator[Coordinator]:
    with Coordinator("127.0.0.1", Checkpoints(None), epochs=5) as one:
        yield one


def join(driver: Coordinator, rank: int, attempt: int, *, secret: bytes | None = None) -> Driver:
    return Driver(connect(driver.address, secret or driver.secret, name=f"{rank} {attempt}", timeout_s=5))


def finish(rank: Driver, losses: list[float], *, is_best: bool = False) -> None:
    state = State(weights=[np.full(3, losses[-1])], history=[{"loss": loss} for loss in losses])
    rank.finish_epoch(state.to_bytes(), is_best=is_best, logs={"loss": losses[-1]}, rows_per_s=10.0)


def wait_until(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_fresh_run_has_no_checkpoint_and_then_the_newest(driver):
    rank = join(driver, 0, attempt=7)
    assert rank.ask_checkpoint() is None
    finish(rank, [0.5])
    finish(rank, [0.5, 0.4])
    state = rank.ask_checkpoint()
    assert state is not None
    assert (state.epoch, state.weights[0].tolist()) == (2, [0.4, 0.4, 0.4])
    assert driver.standing.history == [{"loss": 0.5}, {"loss": 0.4}]
    rank.close()


def test_reports_are_shown(driver):
    ranks = [join(driver, number, attempt=0) for number in range(2)]
    for rank in ranks:
        rank.tell("ready", device="cpu")
    ranks[0].tell("step", step=3, steps=9, loss=0.7, rows_per_s=99.0)
    wait_until(lambda: driver.standing.step == 3)
    wait_until(lambda: driver.standing.ranks == 2)
    assert (driver.standing.loss, driver.connected) == (0.7, 2)
    ranks[1].close()
    wait_until(lambda: driver.connected == 1)


def test_another_attempt_goes_on_from_the_checkpoint_and_says_so(driver):
    old = join(driver, 0, attempt=1)
    finish(old, [0.5])
    old.finish_epoch(b"", is_best=False, logs={"loss": 0.4}, rows_per_s=10.0)  # an epoch that was not kept
    new = [join(driver, number, attempt=9) for number in range(2)]
    state = new[1].ask_checkpoint()
    assert state is not None
    assert state.epoch == 1
    assert driver.standing.history == [{"loss": 0.5}]
    assert driver.standing.resumes == 1
    assert driver.standing.notes == ["A rank was lost in epoch 3; training goes on after epoch 1, its last checkpoint."]
    with pytest.raises(PeerLostError):  # what an older attempt still has to say is not heard
        finish(old, [0.5, 0.1])
    assert driver.standing.history == [{"loss": 0.5}]
    with pytest.raises(PeerLostError):
        join(driver, 1, attempt=1).ask_checkpoint()


def test_a_rank_that_lost_a_neighbour_learns_whether_its_program_failed(driver, monkeypatch):
    monkeypatch.setattr(room, "_REASON_S", 0.2)
    first, second = join(driver, 0, attempt=0), join(driver, 1, attempt=0)
    assert not first.should_stop()
    second.tell("failed", error="ValueError: no", fix="", trace="Traceback")
    wait_until(lambda: driver.error)
    assert first.should_stop()
    assert (driver.error, driver.trace) == ("on rank 1: ValueError: no", "Traceback")


def test_a_state_that_cannot_be_kept_ends_the_run(tmp_path):
    folder = tmp_path / "kept"
    with Coordinator("127.0.0.1", Checkpoints(folder), epochs=5) as driver:
        rank = join(driver, 0, attempt=0)
        folder.rmdir()
        folder.write_text("a file is in the way")
        with pytest.raises(PeerLostError, match="cannot write"):
            finish(rank, [0.5])
        assert rank.should_stop()
    assert "cannot write" in driver.error


def test_the_best_state_is_kept_beside_the_newest():
    kept = Checkpoints(None)
    with Coordinator("127.0.0.1", kept, epochs=5) as driver:
        rank = join(driver, 0, attempt=0)
        finish(rank, [0.4], is_best=True)
        finish(rank, [0.4, 0.9])
        rank.close()
    assert State.from_bytes(kept.best).epoch == 1
    assert State.from_bytes(kept.newest).epoch == 2


def test_who_does_not_know_the_secret_is_not_heard(driver):
    with pytest.raises(PeerLostError):
        join(driver, 0, attempt=0, secret=b"another")
    assert driver.connected == 0
