"""JupyterLab tells in time that a server will be stopped, and its button keeps it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time

import pytest
from playwright.sync_api import expect

from coursekit.server import LABEXTENSIONS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def lab(tmp_path):
    """A JupyterLab that may be idle for five minutes, so that it warns from the start."""
    runtime = tmp_path / "runtime"
    environment = {
        **os.environ,
        "COURSEKIT_SERVER_IDLE_S": "300",
        "HOME": str(tmp_path),
        "JUPYTER_RUNTIME_DIR": str(runtime),
    }
    command = [sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", "--port=0"]
    command += ["--IdentityProvider.token=t", "--ServerApp.jpserver_extensions=coursekit.server=True"]
    command += [f"--LabApp.extra_labextensions_path={LABEXTENSIONS}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while not (url := _url(runtime)):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _url(runtime):
    """Give a server's address once it listens there, which is a moment after it has written it down."""
    for path in runtime.glob("jpserver-*.json"):
        with contextlib.suppress(OSError, ValueError):
            written = json.loads(path.read_text())
            socket.create_connection(("127.0.0.1", written["port"])).close()
            return written["url"].replace("localhost", "127.0.0.1")
    return ""


def test_a_user_is_told_before_their_server_is_stopped_and_can_keep_it(lab, page):
    page.goto(f"{lab}lab?token=t")
    warning = page.get_by_text("Nothing has run here for a while: this server stops in 5 minutes").first
    expect(warning).to_be_visible(timeout=120_000)
    page.get_by_role("button", name="Keep this server").first.click()
