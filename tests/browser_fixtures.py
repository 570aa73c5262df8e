"""Chromium, and the steps that every user of the Hub takes in it; `conftest.py` gives the fixtures to every folder."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
