"""Which notebook runs when, and what is remembered of the last time."""

import asyncio
from pathlib import Path

from coursekit.config import GiB
from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.contract import Contract
from coursekit.notebooks.outcome import Outcome
from coursekit.notebooks.schedule import Turns, memory_needed, read_times, write_times


def most_at_once(needs, *, jobs, memory):
    """Give how many turns were held at once, and the most memory."""
    seen = []

    async def run():
        turns, running = Turns(jobs, memory), []

        async def one(need):
            async with turns.turn(need):
                running.append(need)
                seen.append((len(running), sum(running)))
                for _ in range(5):
                    await asyncio.sleep(0)
                running.remove(need)

        await asyncio.gather(*map(one, needs))

    asyncio.run(asyncio.wait_for(run(), timeout=10))
    assert len(seen) == len(needs)
    return max(number for number, _ in seen), max(held for _, held in seen)


def test_no_more_run_at_once_than_jobs():
    assert most_at_once([1] * 7, jobs=3, memory=100) == (3, 3)


def test_no_more_run_at_once_than_memory_is_for():
    assert most_at_once([4, 4, 4, 2], jobs=4, memory=8) == (2, 8)


def test_what_is_larger_than_the_machine_runs_alone():
    assert most_at_once([1, 50, 1], jobs=3, memory=8)[1] == 50


def test_a_notebook_needs_room_for_its_cluster_too():
    assert memory_needed(Contract(title="T", runtime="spark")) == 2 * GiB
    assert memory_needed(Contract(title="T", runtime="spark", workers=2)) > 4 * GiB


def outcome(name, status, seconds, **changed):
    path = Path(f"{name}.ipynb")
    notebook = Notebook(name=name, kind="lesson", path=path)
    return Outcome(notebook=notebook, status=status, seconds=seconds, minutes=1, output=path, log=path, **changed)


def test_times_of_what_ran_to_its_end_are_remembered_by_size_and_device(tmp_path):
    assert read_times(tmp_path, "small, cpu") == {}
    ran = [
        outcome("passed", "passed", 3.0),
        outcome("slow", "slow", 9.0),
        outcome("failed", "failed", 1.0),
        outcome("kept", "passed", 5.0, kept="2026-01-01T00:00:00+00:00"),
    ]
    write_times(ran, tmp_path, "small, cpu")
    write_times([outcome("passed", "passed", 30.0)], tmp_path, "full, cpu")
    write_times([outcome("new", "passed", 4.0)], tmp_path, "small, cpu")
    assert read_times(tmp_path, "small, cpu") == {"passed": 3.0, "slow": 9.0, "new": 4.0}
    assert read_times(tmp_path, "full, cpu") == {"passed": 30.0}


def test_a_record_that_cannot_be_read_is_none(tmp_path):
    for text in ("not JSON", "[]", '{"small, cpu": 3}', '{"small, cpu": {"a": {}}}'):
        (tmp_path / "times.json").write_text(text)
        assert read_times(tmp_path, "small, cpu") == {}
        write_times([outcome("a", "passed", 1.0)], tmp_path, "small, cpu")
        assert read_times(tmp_path, "small, cpu")["a"] == 1.0
