"""The release gate: an assignment goes out to students only when it has been proven fair.

Its form and its files are looked at first. Then the reference solution, the notebook as students get it, every answer
in ``wrong/`` and in ``right/`` and the chameleon run in sandboxes, as submissions do, and each has to get what it
deserves.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coursekit.errors import GradingError
from coursekit.grading import chameleon, gate_draws, gate_form, gate_leaks, gate_right, gate_scores
from coursekit.grading.answers import RIGHT, WRONG, Answer, fill, read_answer, reference_answer
from coursekit.grading.autograding import Progress, sandboxes_at_once
from coursekit.grading.catalog import find_assignment, read_notebook
from coursekit.grading.converters import make_released
from coursekit.grading.fairness import Problem, Scored, Test, Verdict
from coursekit.grading.proof import digest_of, write_proof
from coursekit.grading.restore import restore
from coursekit.grading.sandboxed import MINUTES_FACTOR, make_request, open_store
from coursekit.grading.settings import GradingSettings
from coursekit.grading.verdicts import read_versions
from coursekit.notebooks.contract import KEY, parse_contract
from coursekit.sandbox import Outcome, Request

REFERENCE: Final = "reference"
UNTOUCHED: Final = "untouched"
_STUDENT: Final = "gate"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Versions:
    """Both versions of an assignment's notebook, and what lies beside them."""

    name: str
    source: Mapping[str, Any]
    released: Mapping[str, Any]
    files: Mapping[str, bytes]
    """What students get beside the notebook."""
    digest: str


def gate(
    settings: GradingSettings,
    name: str,
    *,
    students: int = 0,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Find out whether an assignment is fair.

    Parameters
    ----------
    settings : GradingSettings
        Course, folders. Nothing is released; the sandboxes' results are kept in the course directory, so that a second
        time only what has changed is run.
    name : str
        The assignment.
    students : int, optional
        How many more students hand in right answers to inputs of their own.
    jobs : int, optional
        How many sandboxes at once; as many as cores and memory allow when not given.
    progress : callable, optional
        Called once at the beginning and after each answer.

    Raises
    ------
    AssignmentNotFoundError
        If the checkout has no such assignment.
    SandboxError
        If sandboxes cannot be started.
    """
    folder = find_assignment(settings, name)
    notebook = read_notebook(folder / f"{name}.ipynb")
    checked = {gate_form.CHECK: f"contract, ids and points of {_count(len(notebook['cells']), 'cell')}"}
    if problems := tuple(gate_form.form_problems(folder, notebook)):
        return Verdict(assignment=name, checked=checked, problems=problems)
    try:
        versions = _make_versions(settings, folder, name)
    except GradingError as error:
        problem = Problem(gate_form.CHECK, "notebook", error.message, error.fix)
        return Verdict(assignment=name, checked=checked, problems=(problem,))
    secrets = gate_leaks.secrets_of(notebook)
    leaks = tuple(gate_leaks.leak_problems(secrets, versions.released, versions.files))
    lines = sum(len(secret.lines) for secret in secrets)
    checked[gate_leaks.CHECK] = (
        f"{_count(lines, 'line')} of solutions and hidden tests, not in {_count(1 + len(versions.files), 'file')}"
    )
    answers, unreadable = _read_answers(folder, versions)
    if problems := (*leaks, *unreadable):
        return Verdict(assignment=name, checked=checked, problems=problems)
    right = [answers[REFERENCE], *(answer for answer in answers.values() if answer.is_right)]
    drawn = gate_draws.draws(right, students)
    requests = _requests(versions, answers)
    requests.update({draw.name: _request(versions, draw.answer, draw.student) for draw in drawn})
    outcomes = _run(settings, requests, jobs, progress)
    if drawn:
        checked[gate_draws.CHECK] = f"right answers of {_count(len(drawn), 'student')}, each to inputs of their own"
    verdict = _judge(versions, answers, drawn, outcomes, checked)
    if verdict.is_fair:
        write_proof(settings.course_dir, name, versions.digest)
    return verdict


def _make_versions(settings: GradingSettings, folder: Path, name: str) -> _Versions:
    """Make the students' version as a release does, but where nobody sees it."""
    with tempfile.TemporaryDirectory(prefix="gate-") as scratch:
        there = dataclasses.replace(settings, course_dir=Path(scratch) / "course", exchange=Path(scratch) / "exchange")
        released = make_released(there, folder, name, in_gradebook=False)
        source, (theirs, *_) = read_versions(there.course_dir, name, name)
        files = {
            str(path.relative_to(released)): path.read_bytes()
            for path in sorted(released.rglob("*"))
            if path.is_file() and path.name != f"{name}.ipynb"
        }
        return _Versions(name=name, source=source, released=theirs, files=files, digest=digest_of(released))


def _read_answers(folder: Path, versions: _Versions) -> tuple[dict[str, Answer], list[Problem]]:
    """Read what is in ``wrong/`` and ``right/``, and add the answers that every assignment has."""
    answers = {
        REFERENCE: reference_answer(folder / f"{versions.name}.ipynb"),
        UNTOUCHED: Answer(name=UNTOUCHED, score=0, why="as students get it", cells={}),
        chameleon.NAME: chameleon.chameleon(versions.source),
    }
    problems = []
    for path in (*sorted((folder / WRONG).glob("*.py")), *sorted((folder / RIGHT).glob("*.py"))):
        where = f"{path.parent.name}/{path.name}"
        try:
            answer = read_answer(path)
            fill(dict(versions.released), answer)
        except GradingError as error:
            problems.append(Problem(gate_scores.SCORES, where, error.message, error.fix))
            continue
        if path.stem == UNTOUCHED and answer.cells:
            problems.append(
                Problem(
                    gate_scores.SCORES, where, "it fills in cells, so it is not the untouched notebook", "rename it"
                )
            )
        elif path.stem in answers and path.stem != UNTOUCHED:
            problems.append(Problem(gate_scores.SCORES, where, "there is another answer of that name", "rename it"))
        else:
            answers[path.stem] = answer
    return answers, problems


def _requests(versions: _Versions, answers: Mapping[str, Answer]) -> dict[str, Request]:
    tests = gate_form.tests_of(versions.source)
    made = {}
    for name, answer in answers.items():
        request = _request(versions, answer, _STUDENT)
        made[name] = gate_scores.with_values(request) if name == REFERENCE else request
        if _is_wrong(answer):
            made[name] = gate_scores.with_shown(request, tests)
    return made


def _request(versions: _Versions, answer: Answer, student: str) -> Request:
    """Hand in an answer as a student does."""
    submitted = fill(dict(versions.released), answer)
    cells, _ = restore(versions.source, [versions.released], submitted)
    return make_request(
        {"cells": cells}, versions.source, student=student, assignment=versions.name, files=versions.files
    )


def _is_wrong(answer: Answer) -> bool:
    return not answer.is_right and answer.name not in (REFERENCE, UNTOUCHED, chameleon.NAME)


def _run(
    settings: GradingSettings, requests: Mapping[str, Request], jobs: int | None, progress: Progress | None
) -> dict[str, Outcome]:
    """Run each answer in a sandbox of its own, several at once."""
    store = open_store(settings.course_dir)
    if progress:
        progress(0, len(requests), REFERENCE)
    outcomes: dict[str, Outcome] = {}
    most = jobs or sandboxes_at_once(requests[REFERENCE].limits)
    pool = ThreadPoolExecutor(max_workers=most, thread_name_prefix="gate")
    try:
        running = {pool.submit(store.run, request): name for name, request in requests.items()}
        for future in as_completed(running):
            outcomes[running[future]] = future.result()
            if progress:
                progress(len(outcomes), len(requests), running[future])
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return {name: outcomes[name] for name in requests}


def _judge(
    versions: _Versions,
    answers: Mapping[str, Answer],
    drawn: Sequence[gate_draws.Draw],
    outcomes: Mapping[str, Outcome],
    checked: dict[str, str],
) -> Verdict:
    tests = gate_form.tests_of(versions.source)
    wrong = [name for name, answer in answers.items() if _is_wrong(answer)]
    right = [name for name, answer in answers.items() if answer.is_right]
    contract = parse_contract(versions.source["metadata"][KEY])
    minutes = max(contract.minutes.values())
    took = gate_scores.seconds_of(outcomes[REFERENCE])
    checked = {
        **checked,
        gate_scores.SCORES: (
            f"the solution, the untouched notebook, {_count(len(wrong), 'answer')} in wrong/, {len(right)} in right/"
        ),
        gate_scores.TESTS: f"in {_count(len(tests), 'cell')}, each failed by an answer in wrong/",
        chameleon.NAME: (
            f"{_count(len(answers[chameleon.NAME].cells), 'cell')} answered with objects that are equal to everything"
        ),
        gate_scores.TIME: f"{took:.1f} s for the reference solution; {60 * minutes * MINUTES_FACTOR:g} s are allowed",
    }
    scored = tuple(
        Scored(
            answer=name,
            declared=(answers[UNTOUCHED] if name == chameleon.NAME else answer).score,
            score=gate_scores.total(outcomes[name], tests),
            seconds=gate_scores.seconds_of(outcomes[name]),
            folder=RIGHT if answer.is_right else WRONG if _is_wrong(answer) else "",
            why=answer.why,
        )
        for name, answer in answers.items()
    )
    if right:
        checked[gate_right.CHECK] = "each hidden test passed by an answer in right/ that is unlike the solution"
    problems = (
        *gate_right.alike_problems(versions.source, answers),
        *_problems(tests, answers, outcomes, minutes),
        *gate_draws.draw_problems(drawn, outcomes, tests),
    )
    return Verdict(assignment=versions.name, checked=checked, answers=scored, problems=problems)


def _problems(
    tests: tuple[Test, ...], answers: Mapping[str, Answer], outcomes: Mapping[str, Outcome], minutes: float
) -> Iterator[Problem]:
    reference, untouched = outcomes[REFERENCE], outcomes[UNTOUCHED]
    wrong = [name for name, answer in answers.items() if _is_wrong(answer)]
    right = [name for name, answer in answers.items() if answer.is_right]
    if problems := list(gate_scores.reference_problems(reference, tests)):
        yield from problems  # what others get tells nothing as long as not even the right answer gets its points
        return
    yield from gate_scores.untouched_problems(untouched, tests, answers[UNTOUCHED].score)
    for name in (*wrong, *right):
        yield from gate_scores.declared_problems(answers[name], outcomes[name], tests)
    attempted = [outcomes[name] for name in wrong if answers[name].cells]
    yield from gate_scores.test_problems(tests, reference, attempted)
    yield from gate_scores.chameleon_problems(outcomes[chameleon.NAME], untouched, tests)
    yield from gate_scores.time_problems(reference, minutes, MINUTES_FACTOR)
    yield from gate_scores.limit_problems({name: outcomes[name] for name in (REFERENCE, UNTOUCHED, *wrong, *right)})


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
