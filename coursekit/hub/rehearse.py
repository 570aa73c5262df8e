"""The class rehearsal: bot students go the whole way of an assignment and must get the grades they deserve.

The students act through the Hub's own HTTP interfaces only, the instructor through `coursekit.grading`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import cycle
from typing import Any, Final

from coursekit.errors import AutogradeError, CoursekitError, SettingsError
from coursekit.grading import (
    Answer,
    GradingSettings,
    add_students,
    autograde,
    collect,
    fill,
    grades,
    prepare,
    publish_feedback,
    read_answer,
    reference_answer,
    release,
)
from coursekit.grading.autograding import submissions
from coursekit.hub.bots import Bot
from coursekit.hub.results import BotResult, Rehearsal, summarise
from coursekit.hub.roster import require_no_class
from coursekit.hub.server import RunningHub
from coursekit.hub.settings import HubSettings
from coursekit.sandbox import choose_box

Watch = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are."""

_KINDS: Final = ("full", "half", "none", "hostile")
_ANSWER_FILES: Final = {"half": "half", "none": "nothing-right"}
# What a hostile student does before the right answers: the grader sees that a function which tests use was replaced.
_TAMPERING: Final = "import unittest.case\nunittest.case.TestCase.assertEqual = lambda *given, **more: None\n"


def bot_names(students: int) -> tuple[str, ...]:
    """Name the bots of a class by number and by what they answer, so that nobody takes them for people."""
    kinds = zip(range(1, students + 1), cycle(_KINDS), strict=False)
    return tuple(f"bot-{number:03d}-{kind}" for number, kind in kinds)


def rehearse(
    settings: HubSettings,
    hub: RunningHub,
    *,
    students: int = 3,
    assignment: str = "a1",
    workers: int = 0,
    watch: Watch = lambda step, done, total: None,
) -> Rehearsal:
    """Play an assignment from its release to the feedback, with bots that answer fully, by half, wrongly, and with
    ill intent in turn.

    Parameters
    ----------
    settings : HubSettings
        Whose Hub.
    hub : RunningHub
        The Hub, which answers.
    students : int
        Number of bots, at least 1.
    assignment : str
        One with ``wrong/half.py`` and ``wrong/nothing-right.py``.
    workers : int
        Of the Spark cluster that each bot starts before the assignment, to run a job on it; 0 for none.
    watch : callable
        Told about every step that is done.

    Raises
    ------
    SettingsError
        If there is no bot.
    HubError
        If the Hub has a roster: bots would leave right answers in homes, grades, and a released assignment.
    SandboxError
        If submissions cannot be run.
    GradingError
        If the assignment cannot be released, collected or graded at all.
    """
    if students < 1:
        raise SettingsError(f"students = {students} is no class.", fix="give at least 1")
    require_no_class(settings)
    choose_box()  # an image that is too old is told of now, not when the whole class has submitted
    grading = settings.grading
    names = bot_names(students)
    kinds = dict(zip(names, cycle(_KINDS), strict=False))
    answers = _answers(grading, assignment)
    _release(grading, assignment, names, watch)
    bots = [
        Bot(url=hub.url, name=name, password=hub.passwords.students, course_id=settings.course_id) for name in names
    ]
    troubles = _together(bots, lambda bot, say: _submit(bot, assignment, answers[kinds[bot.name]], workers, say), watch)
    graded = _grade(grading, assignment, [name for name in names if name not in troubles], troubles, watch)
    read = _read_feedback([bot for bot in bots if bot.name not in troubles], assignment, troubles, watch)
    _together(bots, _leave, watch)
    found = {grade.student: grade for grade in grades(grading, assignment) if grade.submitted is not None}
    results = tuple(
        BotResult(
            student=name,
            answers=kinds[name],
            deserved=answers[kinds[name]].score,
            grade=found.get(name),
            feedback=read.get(name),
            trouble=troubles.get(name, ""),
        )
        for name in names
    )
    times = summarise([*(bot.seconds for bot in bots), *({"autograde": seconds} for seconds in graded)])
    return Rehearsal(assignment=assignment, results=results, times=times)


def _release(grading: GradingSettings, assignment: str, names: tuple[str, ...], watch: Watch) -> None:
    watch("release", 0, 1)
    prepare(grading)
    add_students(grading, names)
    if not (grading.outbound / assignment).is_dir():
        release(grading, assignment, gated=False)  # CI has asked the gate; here are bots only
    watch("release", 1, 1)


def _answers(grading: GradingSettings, assignment: str) -> dict[str, Answer]:
    from coursekit.grading.catalog import find_assignment

    folder = find_assignment(grading, assignment)
    wrong = {kind: read_answer(folder / "wrong" / f"{file}.py") for kind, file in _ANSWER_FILES.items()}
    full = reference_answer(folder / f"{assignment}.ipynb")
    return {"full": full, "hostile": _tampered(full), **wrong}


def _tampered(answer: Answer) -> Answer:
    """Give right answers that deserve no automatic point, for their first cell bends what tests stand on."""
    first = next(iter(answer.cells))
    return replace(answer, score=0.0, cells={**answer.cells, first: _TAMPERING + answer.cells[first]})


def _together(bots: list[Bot], act: Callable[[Bot, Watch], Awaitable[None]], watch: Watch) -> dict[str, str]:
    """Let all bots act at the same time; one that fails is named with its trouble and does not stop the others."""
    troubles: dict[str, str] = {}
    done: dict[str, int] = {}

    def say(step: str, count: int, total: int) -> None:
        done[step] = done.get(step, 0) + count
        watch(step, done[step], len(bots))

    async def act_one(bot: Bot) -> None:
        try:
            async with bot.browsing():
                await act(bot, say)
        except CoursekitError as error:
            troubles[bot.name] = error.message

    async def act_all() -> None:
        await asyncio.gather(*(act_one(bot) for bot in bots))

    asyncio.run(act_all())
    return troubles


async def _submit(bot: Bot, assignment: str, answer: Answer, workers: int, say: Watch) -> None:
    steps: dict[str, Callable[[], Awaitable[Any]]] = {
        "log in": bot.log_in,
        "start server": bot.start_server,
        **({"use cluster": lambda: bot.use_cluster(workers)} if workers else {}),
        "fetch": lambda: bot.fetch(assignment),
        "answer": lambda: _write_answer(bot, assignment, answer),
        "submit": lambda: bot.submit(assignment),
    }
    for step, take in steps.items():
        say(step, 0, 1)
        await take()
        say(step, 1, 1)


async def _write_answer(bot: Bot, assignment: str, answer: Answer) -> None:
    path = f"{assignment}/{assignment}.ipynb"
    await bot.save_notebook(path, fill(await bot.read_notebook(path), answer))


async def _leave(bot: Bot, say: Watch) -> None:
    say("stop servers", 0, 1)
    await bot.stop_server()
    say("stop servers", 1, 1)


def _grade(
    grading: GradingSettings, assignment: str, names: list[str], troubles: dict[str, str], watch: Watch
) -> list[float]:
    """Collect, autograde, publish, and give the seconds of each; one that cannot be graded is its bot's trouble."""
    if not names:
        return []
    collect(grading, assignment, progress=lambda done, total, name: watch("collect", done, total))
    collected = submissions(grading, assignment)
    missing = [name for name in names if name not in collected]
    troubles.update(dict.fromkeys(missing, "its submission was not collected"))
    there = [name for name in names if name in collected]
    seconds: list[float] = []
    broken: list[str] = []
    watch("autograde", 0, len(there))
    try:
        graded = autograde(
            grading, assignment, students=there, progress=lambda done, total, name: watch("autograde", done, total)
        )
        seconds = [each.seconds for each in graded]
    except AutogradeError as error:  # the others are in the gradebook
        broken = [name for name in there if f"\n  {name}: " in error.message]
        troubles.update(dict.fromkeys(broken, error.message))
    if len(broken) < len(there):
        watch("publish feedback", 0, 1)
        publish_feedback(grading, assignment)
        watch("publish feedback", 1, 1)
    return seconds


def _read_feedback(
    bots: list[Bot], assignment: str, troubles: dict[str, str], watch: Watch
) -> dict[str, tuple[float, float]]:
    read: dict[str, tuple[float, float]] = {}

    async def act(bot: Bot, say: Watch) -> None:
        say("read feedback", 0, 1)
        read[bot.name] = await bot.read_feedback(assignment)
        say("read feedback", 1, 1)

    troubles.update(_together(bots, act, watch))
    return read
