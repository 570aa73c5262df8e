"""What a notebook may take, and what it is called when it takes more."""

from pathlib import Path

import pytest

from coursekit.config import GiB, MiB
from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.contract import Contract
from coursekit.notebooks.judge import Allowance, allow, judge, kind_of
from coursekit.notebooks.outcome import CellFailure, Outcome

CONTRACT = Contract(title="T", minutes={"small": 2, "full": 20}, notebook_memory=GiB)


def allowance(size="small", **changed):
    return allow(CONTRACT, size, **{"tolerance": 1.5, "at_once": 1, "cores": 2, "on_gpu": False, **changed})


def outcome(status="passed", *, seconds=100.0, memory=500 * MiB, message=""):
    return Outcome(
        notebook=Notebook(name="01", kind="lesson", path=Path("01.ipynb")),
        status=status,
        seconds=seconds,
        minutes=2,
        memory=memory,
        output=Path("out.ipynb"),
        log=Path("out.log"),
        message=message,
    )


def test_time_has_a_tolerance_and_memory_has_none():
    assert allowance() == Allowance(seconds=180, memory=GiB)


@pytest.mark.parametrize(
    ("at_once", "cores", "seconds"), [(2, 2, 360), (2, 4, 180), (1, 1, 360), (3, 4, 270), (1, 64, 180)]
)
def test_a_smaller_share_of_the_cores_gives_more_time(at_once, cores, seconds):
    assert allowance(at_once=at_once, cores=cores).seconds == seconds


def test_memory_is_that_of_the_small_size_on_the_processor():
    assert allowance("full") == Allowance(seconds=1800, memory=0)
    assert allowance(on_gpu=True) == Allowance(seconds=180, memory=0)


def test_without_a_tolerance_nothing_is_compared():
    assert allowance(tolerance=0) == Allowance()
    assert judge(outcome(seconds=1e6, memory=10**12), Allowance(), {}).has_passed


def test_what_stays_within_its_contract_stays_as_it_is():
    assert judge(outcome(), allowance(), {"c1": 90.0}) == outcome()


def test_a_slow_notebook_is_told_with_both_times_and_its_longest_cells():
    judged = judge(outcome(seconds=250), allowance(), {"a": 5.0, "b": 120.0, "c": 60.0, "d": 15.0})
    assert judged.status == "slow"
    assert "its cells took 200.0 s, and its contract says 120 s (more than 180 s fail here)" in judged.message
    assert judged.message.endswith("its longest cells: b 120.0 s, c 60.0 s, d 15.0 s")


def test_a_start_that_takes_long_is_not_the_notebook_s():
    assert judge(outcome(seconds=200), allowance(), {"a": 100.0}).has_passed


def test_a_large_notebook_is_told_with_both_amounts():
    judged = judge(outcome(memory=GiB + 512 * MiB), allowance(), {})
    assert (judged.status, judged.message) == (
        "large",
        "it held 1.5 GiB, and its contract says 1.0 GiB (notebook_memory)",
    )


def test_what_is_slow_and_large_is_told_as_both():
    judged = judge(outcome(seconds=200, memory=2 * GiB), allowance(), {})
    assert judged.status == "slow"
    assert "200.0 s" in judged.message
    assert "2.0 GiB" in judged.message


def test_a_notebook_that_failed_anyway_is_told_as_that():
    failed = outcome("failed", seconds=1000, message="ValueError")
    assert judge(failed, allowance(), {}) == failed


@pytest.mark.parametrize(
    ("ename", "evalue", "status"),
    [
        ("ValueError", "no", "failed"),
        ("FileNotFoundError", "[Errno 2] no such file", "no_data"),
        ("UnknownDatasetError", "there is no data set 'hgigs'", "no_data"),
        ("DownloadError", "", "no_data"),
        ("AnalysisException", "[PATH_NOT_FOUND] Path does not exist: file:/x.", "no_data"),
        ("MemoryError", "", "memory"),
        ("Py4JJavaError", "An error occurred ... java.lang.OutOfMemoryError: Java heap space", "memory"),
    ],
)
def test_a_failed_cell_is_told_by_its_error(ename, evalue, status):
    assert kind_of(CellFailure(cell="c1", index=0, source="", ename=ename, evalue=evalue)) == status
