"""Chromium, and the steps that every user of the Hub takes in it; `conftest.py` gives the fixtures to every folder."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from coursekit.ports import free_port

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = Path(__file__).parents[1] / "build" / "screenshots"
SERVER_S = 180


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: uv sync")
    if not CHROMIUM.exists():
        pytest.skip("no Chromium: apt-get install chromium")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_api.sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    if not page.is_closed():
        page.screenshot(path=SCREENSHOTS / "last.png")
    context.close()


@contextlib.contextmanager
def jupyterlab(browser: Browser, folder: Path, *, theme: str, notebook: NotebookNode) -> Iterator[Page]:
    """A page with a trusted notebook open in a JupyterLab of its own, without a Hub; ``theme`` is Light or Dark."""
    root, settings = folder / "home", folder / "settings" / "@jupyterlab"
    root.mkdir()
    nbformat.write(notebook, root / "it.ipynb")
    for name, value in {
        "apputils-extension/themes": {"theme": f"JupyterLab {theme}"},
        "apputils-extension/notification": {"fetchNews": "false"},
        "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are there, seen or not
    }.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    places = {"JUPYTERLAB_SETTINGS_DIR": settings.parent, "JUPYTERLAB_WORKSPACES_DIR": folder}
    environment = {
        **os.environ,
        **{name: str(place) for name, place in places.items()},
        "JUPYTER_DATA_DIR": str(folder),
    }
    trust = [sys.executable, "-m", "jupyter", "trust", str(root / "it.ipynb")]
    subprocess.run(trust, env=environment, check=True, capture_output=True)
    port, token = free_port(), secrets.token_hex(8)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--port-retries=0"]
    command += ["--ip=127.0.0.1", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    with (folder / "lab.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        context = browser.new_context(viewport={"width": 1200, "height": 1000})
        try:
            page = context.new_page()
            page.set_default_timeout(90_000)
            _open_when_up(page, f"http://127.0.0.1:{port}/lab/tree/it.ipynb?token={token}", server)
            page.locator(".jp-Notebook .jp-CodeCell").nth(len(notebook.cells) - 1).wait_for()
            page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
            yield page
        finally:
            context.close()
            server.terminate()
            server.wait(60)


def _open_when_up(page: Page, address: str, server: subprocess.Popen[bytes]) -> None:
    from playwright.sync_api import Error

    for _ in range(120):
        assert server.poll() is None, "JupyterLab has ended"
        with contextlib.suppress(Error):
            page.goto(address)
            return
        page.wait_for_timeout(500)
    pytest.fail("JupyterLab does not answer")


def log_in(page: Page, url: str, name: str, password: str) -> None:
    page.goto(f"{url}/hub/login?next=/hub/home")
    page.fill("#username_input", name)
    page.fill("#password_input", password)
    page.click("#login_submit")
    page.wait_for_url("**/hub/home")


def open_lab(page: Page, url: str, name: str, path: str = "") -> None:
    page.goto(f"{url}/hub/spawn/{name}?next=/user/{name}/lab{path}")
    page.wait_for_url(re.compile(rf"/user/{name}/lab"), timeout=SERVER_S * 1000)
    page.wait_for_selector("#jp-top-panel", timeout=SERVER_S * 1000)
    page.wait_for_selector("#jupyterlab-splash", state="detached")


def choose(page: Page, menu: str, item: str) -> None:
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(item)}$")).click()


def wait_for_the_kernel(page: Page, address: str) -> None:
    """JupyterLab may start two kernels for a notebook that an address opens, and drop one with the cells sent to it."""
    seen: list[str] = []
    deadline = time.monotonic() + SERVER_S
    while len(seen) < 4 or len(set(seen[-4:])) > 1 or not seen[-1]:
        assert time.monotonic() < deadline, "the notebook's kernel does not become idle"
        kernels = page.request.get(address).json()
        settled = len(kernels) == 1 and kernels[0]["execution_state"] == "idle" and kernels[0]["connections"] > 0
        seen.append(kernels[0]["id"] if settled else "")
        page.wait_for_timeout(500)


def wait_until_idle(page: Page, seconds: float) -> None:
    """Every code cell has run, and the kernel waits."""
    page.wait_for_function(
        """() => {
            const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
            const status = document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status;
            return prompts.length > 0 && !prompts.some(each => each.textContent.includes('*'))
                && prompts.some(each => /\\d/.test(each.textContent)) && status === 'idle';
        }""",
        timeout=seconds * 1000,
    )
