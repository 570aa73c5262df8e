"""Execute many notebooks at once, the longest first."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence

import psutil

from coursekit.errors import CoursekitError
from coursekit.notebooks.attempt import Attempt, Watch
from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.containers import ENGINES, require_program, require_readable
from coursekit.notebooks.document import read_document
from coursekit.notebooks.judge import allow
from coursekit.notebooks.outcome import Outcome
from coursekit.notebooks.schedule import Turns, memory_needed, read_times, write_times
from coursekit.notebooks.settings import RunSettings


def run_notebooks(
    notebooks: Sequence[Notebook], settings: RunSettings, *, watch: Watch = lambda progress: None
) -> tuple[Outcome, ...]:
    """Execute notebooks and tell what came of each, in the order given.

    The longest begins first, by what it took the last time, else by its contract.

    Nothing that they started runs on afterwards. When this process is interrupted (SIGINT, SIGTERM), those that run
    are ended, and they and those that have not begun are told as interrupted.

    Raises
    ------
    SettingsError
        If a notebook's contract is not valid, its container could not read it or not be started; nothing runs then.
    """
    if settings.engine in ENGINES:
        require_program()
    for notebook in notebooks:
        read_document(notebook.path)
        if settings.engine in ENGINES:
            require_readable(notebook.path)
    attempts = _plan(notebooks, settings)
    settings.out.mkdir(parents=True, exist_ok=True)
    kind = f"{settings.size}, {settings.device}"
    times = read_times(settings.out, kind)
    attempts_in_turn = sorted(
        attempts, key=lambda each: -times.get(each.notebook.name, 60 * each.contract.minutes_at(settings.size))
    )
    try:
        asyncio.run(_run_all(attempts_in_turn, settings.jobs, watch))
    except (KeyboardInterrupt, asyncio.CancelledError):
        for attempt in attempts:
            attempt.outcome = attempt.outcome or attempt.ended("interrupted", "the run was interrupted")
    outcomes = tuple(attempt.outcome for attempt in attempts if attempt.outcome is not None)
    write_times(outcomes, settings.out, kind)
    return outcomes


def _plan(notebooks: Sequence[Notebook], settings: RunSettings) -> list[Attempt]:
    attempts = []
    for notebook, name in zip(notebooks, _file_names(notebooks), strict=True):
        contract = notebook.contract()
        allowance = allow(
            contract,
            settings.size,
            tolerance=settings.tolerance,
            at_once=min(settings.jobs, len(notebooks)),
            cores=os.cpu_count() or 1,
            on_gpu=settings.device == "gpu",
        )
        attempts.append(Attempt(notebook, contract, settings, name, allowance))
    return attempts


async def _run_all(attempts: Sequence[Attempt], jobs: int, watch: Watch) -> None:
    main = asyncio.current_task()
    assert main is not None
    with contextlib.suppress(RuntimeError, ValueError):  # not in the main thread
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
    turns = Turns(jobs, psutil.virtual_memory().total)

    async def run(attempt: Attempt) -> None:
        async with turns.turn(memory_needed(attempt.contract)):
            await attempt.run(watch)

    try:
        async with asyncio.TaskGroup() as group:
            for attempt in attempts:
                group.create_task(run(attempt))
    except ExceptionGroup as several:  # what one of them cannot do without, the others cannot either
        if mendable := several.subgroup(CoursekitError):
            raise mendable.exceptions[0] from None
        raise


def _file_names(notebooks: Sequence[Notebook]) -> list[str]:
    """Give each notebook a file name of its own."""
    names: list[str] = []
    for notebook in notebooks:
        base = name = notebook.name.replace("/", "-")
        number = 1
        while name in names:
            number += 1
            name = f"{base}-{number}"
        names.append(name)
    return names
