from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.hub.clock import SteadyClock
from coursekit.hub.culling import arbiter, is_due, profile_of
from coursekit.hub.settings import HubSettings, Profile
from coursekit.server.busy import MARK_S, mark_busy, runs_cell, runs_command, runs_spark_jobs
from coursekit.server.lessons import Given, copy_lessons
from coursekit.server.reporter import remaining, work_of

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SPARK = Profile(name="spark", title="Spark", idle_minutes=60)
GPU = Profile(name="gpu", title="GPU", idle_minutes=15, limit_minutes=120)


@pytest.fixture
def lessons(tmp_path):
    (tmp_path / "course" / "figures").mkdir(parents=True)
    (tmp_path / "course" / "01.ipynb").write_text("first")
    (tmp_path / "course" / "figures" / "a.svg").write_text("<svg/>")
    (tmp_path / "course" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "course" / ".ipynb_checkpoints" / "x").write_text("hidden")
    return tmp_path / "course", tmp_path / "home" / "lessons"


def visible(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("[!.]*") if path.is_file())


def test_a_new_student_gets_all_lessons(lessons):
    course, mine = lessons
    assert copy_lessons(course, mine) == (Given("01.ipynb", "new"), Given("figures/a.svg", "new"))
    assert visible(mine) == ["01.ipynb", "figures/a.svg"]
    assert copy_lessons(course, mine) == ()


def test_a_lesson_that_nobody_touched_is_updated(lessons):
    course, mine = lessons
    copy_lessons(course, mine)
    (course / "01.ipynb").write_text("second")
    assert copy_lessons(course, mine) == (Given("01.ipynb", "updated"),)
    assert (mine / "01.ipynb").read_text() == "second"
    assert visible(mine) == ["01.ipynb", "figures/a.svg"]


def test_work_stays_and_the_new_version_is_put_beside_it_once(lessons):
    course, mine = lessons
    copy_lessons(course, mine)
    (mine / "01.ipynb").write_text("my work")
    assert copy_lessons(course, mine) == ()
    (course / "01.ipynb").write_text("second")
    assert copy_lessons(course, mine) == (Given("01.ipynb", "beside"),)
    assert copy_lessons(course, mine) == ()
    assert (mine / "01.ipynb").read_text() == "my work"
    (beside,) = mine.glob("01 (new version *).ipynb")
    assert beside.read_text() == "second"
    beside.write_text("my notes on the new version")
    (course / "01.ipynb").write_text("third")
    copy_lessons(course, mine)
    assert {path.read_text() for path in mine.glob("01*")} == {"my work", "my notes on the new version", "third"}


def test_what_a_student_deleted_does_not_come_back(lessons):
    course, mine = lessons
    copy_lessons(course, mine)
    (mine / "01.ipynb").unlink()
    (course / "01.ipynb").write_text("second")
    assert copy_lessons(course, mine) == ()
    assert visible(mine) == ["figures/a.svg"]


def test_copies_of_before_it_was_written_down_are_taken_for_work(lessons):
    course, mine = lessons
    mine.mkdir(parents=True)
    (mine / "01.ipynb").write_text("of an older version, or my work")
    (mine / ".given.json").write_text("{ broken")
    copy_lessons(course, mine)
    assert (mine / "01.ipynb").read_text() == "of an older version, or my work"
    assert len(list(mine.glob("01*"))) == 2


texts = st.sampled_from(["a", "b", "c", None])


@given(st.lists(st.tuples(st.sampled_from(["course", "student", "copy"]), texts), max_size=12))
def test_nothing_that_a_student_wrote_is_ever_lost(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("lessons")
    course, mine = folder / "course", folder / "mine"
    course.mkdir()
    mine.mkdir()
    work: str | None = None
    for number, (who, text) in enumerate([*steps, ("copy", None)]):
        if who == "copy":
            copy_lessons(course, mine)
            assert work is None or work in {path.read_text() for path in mine.glob("x*.txt")}
        elif who == "course" and text:
            (course / "x.txt").write_text(text)
        elif who == "student" and text:
            work = f"work {number} {text}"
            (mine / "x.txt").write_text(work)


def test_a_kernel_that_executes_a_cell_is_at_work():
    assert runs_cell([{"execution_state": "idle"}, {"execution_state": "busy"}])
    assert not runs_cell([{"execution_state": "idle"}, {"execution_state": "starting"}, {}])


def test_a_spark_job_counts_as_long_as_the_kernel_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_RUN", str(tmp_path))
    assert not runs_spark_jobs()
    mark_busy()
    assert runs_spark_jobs()
    assert not runs_spark_jobs(time.time() + MARK_S + 1)


def test_a_terminal_counts_while_its_shell_has_a_command_that_runs():
    shell = subprocess.Popen(
        ["sh", "-c", "read x; sleep 60; read y"], stdin=subprocess.PIPE, start_new_session=True, text=True
    )
    with shell:
        assert not runs_command([shell.pid])
        shell.stdin.write("go\n")
        shell.stdin.flush()
        deadline = time.monotonic() + 10
        while not psutil.Process(shell.pid).children() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert runs_command([shell.pid])
        for child in psutil.Process(shell.pid).children():
            child.kill()
        shell.kill()
    assert not runs_command([shell.pid])


def server(*, kernels=(), active=NOW, started=NOW - timedelta(hours=1)):
    return SimpleNamespace(
        kernel_manager=SimpleNamespace(list_kernels=lambda: kernels),
        web_app=SimpleNamespace(settings={"started": started}, last_activity=lambda: active),
    )


def test_an_idle_server_knows_when_it_will_be_stopped_and_a_busy_one_is_not_idle(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_RUN", str(tmp_path))
    monkeypatch.setenv("COURSEKIT_SERVER_IDLE_S", "3600")
    monkeypatch.setenv("COURSEKIT_SERVER_LIMIT_S", "inf")
    found = remaining(server(active=NOW - timedelta(minutes=50)), NOW)
    assert (found.idle_s, found.until_idle_s, found.until_limit_s, found.work) == (3000, 600, math.inf, "")
    busy = remaining(server(active=NOW - timedelta(days=1), kernels=[{"execution_state": "busy"}]), NOW)
    assert (busy.idle_s, busy.work) == (0, "a cell")
    monkeypatch.setenv("COURSEKIT_SERVER_LIMIT_S", "7200")
    assert remaining(server(), NOW).until_limit_s == 3600
    assert work_of(server()) == ""


def test_the_culler_goes_by_the_profile_of_each_server(tmp_path):
    settings = HubSettings(root=tmp_path, title="T", profiles=(SPARK, GPU), gpus=("GPU-a",))
    decide = arbiter(settings, clock=SteadyClock(wall=lambda: NOW, steady=lambda: 0.0))

    def due(profile, idle_minutes, age_minutes=30):
        model = {
            "user_options": {"profile": profile},
            "started": f"{NOW - timedelta(minutes=age_minutes):%Y-%m-%dT%H:%M:%S.%fZ}",
        }
        return decide(inactive=timedelta(minutes=idle_minutes), inactive_limit=1, server=model)

    assert not due("spark", 59)
    assert due("spark", 60)
    assert not due("gpu", 14)
    assert due("gpu", 15)
    assert due("gpu", 0, age_minutes=121), "a GPU is for a limited time, however busy"
    assert not due("spark", 0, age_minutes=60 * 24 * 7)
    assert decide(inactive=None, inactive_limit=1, server={"started": None, "user_options": None}) is False
    assert profile_of(settings, {"user_options": {"profile": "gone"}}) == SPARK


def test_a_clock_that_is_put_ahead_makes_no_server_idle_and_one_that_is_put_back_stops_none(tmp_path):
    settings = HubSettings(root=tmp_path, title="T", profiles=(SPARK, GPU), gpus=("GPU-a",))
    now = [NOW, 0.0]
    decide = arbiter(settings, clock=SteadyClock(wall=lambda: now[0], steady=lambda: now[1]))

    def pass_by(seconds, jump_s=0.0):
        now[:] = [now[0] + timedelta(seconds=seconds + jump_s), now[1] + seconds]

    def due(profile, used, started=NOW):
        model = {"user_options": {"profile": profile}, "started": started.isoformat()}
        return decide(inactive=now[0] - used, inactive_limit=1, server=model)

    pass_by(30, jump_s=3600 * 24)
    assert not due("spark", NOW), "it was used half a minute ago"
    assert not due("gpu", NOW), "its limited time is not over either"
    after = now[0]
    pass_by(60 * 14)
    assert not due("gpu", after)
    pass_by(60 * 2)
    assert due("gpu", after), "unused since, as the new time says"
    assert due("gpu", NOW)
    assert not due("spark", NOW)
    pass_by(30, jump_s=-3600 * 24)
    assert not due("gpu", after)
    assert not due("spark", NOW)
    for _ in range(3):
        pass_by(30 * 60)
    assert due("spark", NOW)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(1, 1e4), st.floats(0, 1e4))
def test_a_server_without_limits_is_never_stopped_and_limits_only_bring_the_end_closer(idle, age, idle_min, limit_min):
    free = Profile(name="p", title="P", idle_minutes=0, limit_minutes=0)
    assert not is_due(free, inactive_s=idle, age_s=age)
    limited = Profile(name="p", title="P", idle_minutes=idle_min, limit_minutes=limit_min)
    if is_due(limited, inactive_s=idle, age_s=age):
        assert is_due(limited, inactive_s=idle + 1, age_s=age + 1)


def test_the_idle_page_of_jupyterlab_is_one_that_jupyterlab_finds():
    from jupyterlab_server.config import get_federated_extensions

    from coursekit.server import LABEXTENSIONS

    (found,) = get_federated_extensions([str(LABEXTENSIONS)]).values()
    assert found["name"] == "coursekit-idle"
    entry = LABEXTENSIONS / "coursekit-idle" / found["jupyterlab"]["_build"]["load"]
    assert "_JUPYTERLAB['coursekit-idle']" in entry.read_text()


def test_a_real_server_brings_lessons_answers_how_long_it_has_and_counts_a_running_cell(lessons, tmp_path):
    """A Jupyter server, alone: over HTTP, with a kernel that is busy for a while."""
    import httpx

    course, mine = lessons
    environment = {
        **os.environ,
        "COURSEKIT_LESSONS": str(course),
        "COURSEKIT_SERVER_IDLE_S": "3600",
        "HOME": str(mine.parent),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    mine.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", "--port=0"]
    command += ["--IdentityProvider.token=t", "--ServerApp.jpserver_extensions=coursekit.server=True"]
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(command, env=environment, cwd=mine.parent, stdout=log, stderr=log)
    try:
        url = _url(process, tmp_path / "runtime")
        with httpx.Client(base_url=url, headers={"Authorization": "token t"}, timeout=30, trust_env=False) as client:
            assert client.get("/coursekit/idle").json()["work"] == ""
            assert visible(mine) == ["01.ipynb", "figures/a.svg"]
            kernel = client.post("/api/kernels", json={"name": "python3"}).json()["id"]
            _execute(client, url, kernel, "import time; time.sleep(30)")
            _until(lambda: client.get("/coursekit/idle").json()["work"] == "a cell")
            assert httpx.get(f"{url}/coursekit/idle", trust_env=False).status_code in (302, 403)
            client.delete(f"/api/kernels/{kernel}")
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _url(process, runtime):
    found = []

    def answers():
        assert process.poll() is None, (runtime.parent / "log").read_text()
        found[:] = [json.loads(path.read_text()) for path in runtime.glob("jpserver-*.json")]
        # The address is written down a moment before anybody listens there.
        socket.create_connection(("127.0.0.1", found[0]["port"])).close()
        return True

    _until(answers)
    return found[0]["url"].rstrip("/").replace("localhost", "127.0.0.1")


def _execute(client, url, kernel, code):
    import asyncio

    from tornado.httpclient import HTTPRequest
    from tornado.websocket import websocket_connect

    message = {
        "header": {"msg_id": "1", "msg_type": "execute_request", "session": "s", "username": "", "version": "5.3"},
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False},
        "channel": "shell",
        "buffers": [],
    }

    async def send():
        address = f"{url.replace('http', 'ws')}/api/kernels/{kernel}/channels"
        socket = await websocket_connect(HTTPRequest(address, headers={"Authorization": "token t"}))
        await socket.write_message(json.dumps(message))
        while True:
            answer = json.loads(await socket.read_message())
            if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "busy":
                return

    asyncio.run(send())


def _until(holds, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if holds():
                return
        except (OSError, ValueError, LookupError):
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)
