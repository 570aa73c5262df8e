"""The class rehearsal on a real Hub, and what becomes of a Hub that is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager

import psutil
import pytest

from coursekit.errors import HubError, HubRunningError, HubStartError, RehearsalError
from coursekit.hub.bots import Bot
from coursekit.hub.rehearse import rehearse
from coursekit.hub.server import down, running_hub, status, up
from coursekit.hub.settings import read_settings

pytestmark = [pytest.mark.hub, pytest.mark.timeout(900), pytest.mark.usefixtures("grader_image")]


@asynccontextmanager
async def logged_in(hub, name, *, password=None):
    bot = Bot(
        url=hub.running.url,
        name=name,
        password=password or hub.running.passwords.students,
        course_id=hub.settings.course_id,
    )
    async with bot.browsing():
        await bot.log_in()
        yield bot


def test_a_class_of_bots_gets_the_grades_it_deserves(hub):
    seen = []
    rehearsal = rehearse(
        hub.settings, hub.running, students=4, workers=1, watch=lambda step, done, total: seen.append((step, done))
    )
    for step in rehearsal.times:
        print(f"{step.step}: median {step.median_s:.2f} s, 95th percentile {step.p95_s:.2f} s")
    rehearsal.require_deserved()
    full, half, none, hostile = rehearsal.results
    assert full.grade.auto_score == full.grade.auto_max > 0
    assert half.grade.auto_score * 2 == half.grade.auto_max
    assert none.grade.auto_score == hostile.grade.auto_score == 0
    assert ("submit", 4) in seen
    assert {"start cluster", "Spark job"} <= {step.step for step in rehearsal.times}
    assert not [part for part in status(hub.settings) if part.part == "server"], "the bots log out at the end"


def test_a_student_has_the_lists_of_a_student_and_no_way_to_formgrader(hub):
    async def look():
        async with logged_in(hub, "dan") as bot:
            await bot.start_server()
            config = await bot._ask("GET", "/user/dan/lab", headers=bot._headers())
            local = await bot._ask("GET", "/user/dan/formgrader/", accept=(404,), headers=bot._headers())
            service = await bot._ask("GET", f"/services/{hub.settings.course_id}/formgrader", accept=(403,))
            lessons = await bot._ask("GET", "/user/dan/api/contents/lessons", headers=bot._headers())
            await bot.stop_server()
            return config.text, local, service, [each["name"] for each in lessons.json()["content"]]

    page, _, _, lessons = asyncio.run(look())
    assert "@jupyter/nbgrader:formgrader" in page, "switched off for students in the page's configuration"
    assert any(name.endswith(".ipynb") for name in lessons)


@pytest.mark.parametrize(("name", "whose"), [("eve", "instructors"), ("instructor", "students")])
def test_the_password_of_the_other_role_lets_nobody_in(hub, name, whose):
    async def try_it():
        async with logged_in(hub, name, password=getattr(hub.running.passwords, whose)):
            pass

    with pytest.raises(HubError, match=name):
        asyncio.run(try_it())


def test_a_second_hub_of_the_same_checkout_is_refused_with_the_address_of_the_first(hub):
    with pytest.raises(HubRunningError, match=hub.running.url):
        up(hub.settings)
    assert running_hub(hub.settings).pid == hub.running.pid


def test_a_bot_that_cannot_log_in_is_named_and_does_not_stop_the_class(hub):
    from dataclasses import replace

    wrong = replace(hub.running, passwords=replace(hub.running.passwords, students="something-else"))
    with pytest.raises(RehearsalError, match="does not let 'bot-001-full' in"):
        rehearse(hub.settings, wrong, students=1).require_deserved()


def test_a_hub_that_does_not_start_shows_the_end_of_its_log(course):
    config = course.hub / "jupyterhub_config.py"
    config.write_text(config.read_text() + "\nraise ValueError('broken on purpose')\n")
    settings = read_settings(course, port=0)
    with pytest.raises(HubStartError, match="broken on purpose"):
        up(settings)
    assert status(settings) == ()


def test_nothing_is_left_of_a_hub_that_was_killed_with_a_student_at_work(course):
    settings = read_settings(course, port=0)
    running = up(settings)
    bot = Bot(url=running.url, name="ada", password=running.passwords.students, course_id=settings.course_id)

    async def work():
        async with bot.browsing():
            await bot.log_in()
            await bot.start_server()
            kernels = "/user/ada/api/kernels"
            await bot._ask("POST", kernels, accept=(201,), json={"name": "python3"}, headers=bot._headers())

    asyncio.run(work())
    parts = {"hub", "proxy", "formgrader", "page", "server", "other"}  # the last is the kernel
    deadline = time.monotonic() + 30
    while {part.part for part in status(settings)} != parts and time.monotonic() < deadline:
        time.sleep(0.2)
    assert {part.part for part in status(settings)} == parts
    started = [psutil.Process(part.pid) for part in status(settings)]
    os.kill(running.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(running.pid)] if psutil.pid_exists(running.pid) else [], timeout=10)
    assert {part.state for part in status(settings)} == {"left over"}
    down(settings)
    assert status(settings) == ()
    assert not [process for process in started if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_a_demonstration_that_is_told_to_end_leaves_nothing(course):
    program = "import sys; from coursekit.cli.demo import demo; import typer; typer.run(demo)"
    demo = subprocess.Popen(
        [sys.executable, "-c", program, "--port", "0"],
        cwd=course.root,
        env={**os.environ, "COURSEKIT_ROOT": str(course.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    settings = read_settings(course, port=0)
    with demo:
        deadline = time.monotonic() + 120
        while "proxy" not in {part.part for part in status(settings)}:
            assert demo.poll() is None, demo.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        demo.terminate()
        demo.communicate(timeout=120)
    assert demo.returncode != 0
    assert status(settings) == ()
