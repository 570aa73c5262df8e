from __future__ import annotations

import os
import socket
import subprocess
import sys

import psutil
import pytest

from coursekit.errors import HubNotRunningError, PortTakenError
from coursekit.hub.configure import LABEL
from coursekit.hub.server import down, reset, running_hub, status, up
from coursekit.hub.settings import HubSettings


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "lessons").mkdir()
    return HubSettings(root=tmp_path, title="T", port=0)


def test_without_a_hub_there_is_nothing_to_show_and_stopping_is_harmless(settings):
    assert status(settings) == ()
    assert down(settings) == 0
    assert down(settings) == 0
    with pytest.raises(HubNotRunningError, match="no Hub"):
        running_hub(settings)


def test_a_taken_port_is_named_with_the_program_that_has_it(settings):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PortTakenError) as caught:
            up(HubSettings(root=settings.root, title="T", port=port))
    assert str(port) in caught.value.message
    assert str(os.getpid()) in caught.value.message


def test_what_a_killed_hub_left_is_shown_and_stopped_even_if_it_does_not_listen(settings):
    ignore = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    left = subprocess.Popen(
        [sys.executable, "-c", ignore], env={**os.environ, LABEL: str(settings.state)}, stdout=subprocess.PIPE
    )
    with left:
        assert left.stdout is not None
        left.stdout.readline()
        assert [(part.pid, part.state) for part in status(settings)] == [(left.pid, "left over")]
        assert down(settings) == 1
        assert status(settings) == ()
    assert not psutil.pid_exists(left.pid)


def test_another_checkouts_hub_is_not_ours(settings, tmp_path):
    other = HubSettings(root=tmp_path / "other", title="T")
    foreign = subprocess.Popen(
        [sys.executable, "-c", "input()"], env={**os.environ, LABEL: str(other.state)}, stdin=subprocess.PIPE
    )
    with foreign:
        assert down(settings) == 0
        assert foreign.poll() is None
        foreign.kill()


def test_resetting_removes_what_the_hub_wrote_and_nothing_else(settings):
    kept = [settings.root / "lessons" / "01.ipynb", settings.root / "build" / "screenshots" / "a.png"]
    gone = [settings.homes / "ada" / "x", settings.grading.exchange / "y", settings.grading.course_dir / "z"]
    for path in (*kept, *gone):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    reset(settings)
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in gone)
