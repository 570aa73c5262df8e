"""How much memory what a process started holds."""

import contextlib
import os
import subprocess
import sys
import threading
import time

import psutil
import pytest

from coursekit.config import MiB
from coursekit.notebooks.memory import MemoryWatch, held_by

HOLD = "import sys, time; held = b'x' * (int(sys.argv[1]) << 20); print(flush=True); time.sleep(600)"


@contextlib.contextmanager
def holding(mebibytes, **environment):
    command = [sys.executable, "-S", "-c", HOLD, str(mebibytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **environment}) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def of_others():
    """What children of this process hold already: a Spark driver, perhaps, that another test has started."""
    return sum(map(held_by, MemoryWatch(0, lambda: None)._own()))


def wait_for(condition, within_s=20):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_holds_what_it_wrote_to_and_one_that_is_gone_holds_nothing():
    with holding(50) as process:
        seen = psutil.Process(process.pid)
        assert 50 * MiB < held_by(seen) < 80 * MiB
    assert held_by(seen) == 0


def test_the_peak_is_that_of_all_children_together_without_the_nodes_of_a_cluster():
    others = of_others()
    with MemoryWatch(0, lambda: None, every_s=0.01) as watch:
        with holding(40), holding(40), holding(200, COURSEKIT_NODE="{}"):
            wait_for(lambda: watch.peak - others > 80 * MiB)
        time.sleep(0.05)
    assert 80 * MiB < watch.peak - others < 150 * MiB
    assert not watch.is_exceeded


def test_what_is_too_much_is_said_once():
    said = threading.Semaphore(0)
    with MemoryWatch(of_others() + 30 * MiB, said.release, every_s=0.01) as watch, holding(50):
        wait_for(lambda: watch.is_exceeded)
        time.sleep(0.1)
    assert said.acquire(blocking=False)
    assert not said.acquire(blocking=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells shares")
def test_pages_that_processes_share_count_once():
    fork = "import os, time; held = b'x' * (60 << 20); os.fork(); print(flush=True); time.sleep(600)"
    others = of_others()
    with MemoryWatch(0, lambda: None, every_s=0.01) as watch:
        process = subprocess.Popen([sys.executable, "-S", "-c", fork], stdout=subprocess.PIPE, start_new_session=True)
        with process:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.readline()
            wait_for(lambda: watch.peak - others > 60 * MiB)
            time.sleep(0.05)
            os.killpg(process.pid, 9)
    assert watch.peak - others < 100 * MiB
