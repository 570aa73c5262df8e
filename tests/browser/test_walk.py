"""What a student and the instructor do in a browser: a lesson, an assignment, formgrader."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coursekit.grading import release

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.hub, pytest.mark.timeout(1200)]

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
LESSON_S = 600
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


@pytest.fixture(scope="module")
def released(hub):
    grading = hub.settings.grading
    if not (grading.outbound / "a1").is_dir():
        release(grading, "a1")


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


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def test_a_student_runs_a_lesson_and_submits_an_assignment(hub, released, page):
    url = hub.running.url
    page.goto(url)
    page.wait_for_selector("#login_submit")
    page.screenshot(path=SCREENSHOTS / "01-login.png")
    log_in(page, url, "dora", hub.running.passwords.students)
    page.screenshot(path=SCREENSHOTS / "02-home.png")
    lesson = sorted((hub.settings.root / "lessons").glob("01-*.ipynb"))[0].name
    open_lab(page, url, "dora", f"/tree/lessons/{lesson}")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    wait_for_the_kernel(page, f"{url}/user/dora/api/kernels")
    page.screenshot(path=SCREENSHOTS / "03-lesson-opened.png")
    choose(page, "Run", "Run All Cells")
    wait_until_idle(page, LESSON_S)
    page.screenshot(path=SCREENSHOTS / "04-lesson-end.png")
    choose(page, "File", "Save Notebook")
    saved = hub.settings.home("dora") / "lessons" / lesson
    page.locator(".jp-mod-dirty").first.wait_for(state="detached")
    cells = code_cells(saved)
    assert all(cell["execution_count"] for cell in cells if "".join(cell["source"]).strip())
    assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
    page.locator(".jp-Notebook-content, .jp-WindowedPanel-outer").first.evaluate("element => element.scrollTo(0, 0)")
    page.screenshot(path=SCREENSHOTS / "05-lesson-begin.png")

    choose(page, "Nbgrader", "Assignment List")
    released_list = page.locator("#released_assignments_list, #released_assignments").first
    released_list.get_by_text("a1").first.wait_for()
    page.screenshot(path=SCREENSHOTS / "06-assignment-released.png")
    page.get_by_role("button", name="Fetch", exact=True).click()
    page.get_by_role("button", name="Submit", exact=True).wait_for()
    page.screenshot(path=SCREENSHOTS / "07-assignment-fetched.png")
    assert (hub.settings.home("dora") / "a1" / "a1.ipynb").exists()
    page.get_by_role("button", name="Submit", exact=True).click()
    submitted = page.locator("#submitted_assignments_list, #submitted_assignments").first
    submitted.get_by_text("a1").first.wait_for()
    page.screenshot(path=SCREENSHOTS / "08-assignment-submitted.png")
    assert list(hub.settings.grading.inbound.glob("dora+a1+*"))


def test_the_instructor_sees_the_submissions_in_formgrader(hub, released, page):
    url = hub.running.url
    log_in(page, url, "instructor", hub.running.passwords.instructors)
    page.screenshot(path=SCREENSHOTS / "09-instructor-home.png")
    page.goto(f"{url}/services/{hub.settings.course_id}/formgrader")
    row = page.locator("tr", has_text="a1").first
    row.wait_for()
    row.locator(".collect a, .collect button, [title*='Collect']").first.click()
    page.get_by_text(re.compile("Success", re.IGNORECASE)).first.wait_for()
    page.locator(".modal-footer button").first.click(trial=True)  # waits until the dialog has stopped moving
    page.screenshot(path=SCREENSHOTS / "10-formgrader-collected.png")
    page.goto(f"{url}/services/{hub.settings.course_id}/formgrader/manage_submissions/a1")
    page.locator("tr", has_text="dora").first.wait_for()
    page.screenshot(path=SCREENSHOTS / "11-formgrader-submissions.png")


def test_the_instructor_finds_formgrader_from_the_course_list(hub, released, page):
    url = hub.running.url
    log_in(page, url, "instructor", hub.running.passwords.instructors)
    open_lab(page, url, "instructor")
    choose(page, "Nbgrader", "Course List")
    page.get_by_text(hub.settings.course_id).first.wait_for()
    page.screenshot(path=SCREENSHOTS / "12-course-list.png")
    with page.context.expect_page() as opened:
        page.locator("a", has_text=hub.settings.course_id).first.click()
    formgrader = opened.value
    frame = formgrader.frame_locator("iframe")
    frame.get_by_text("Manage Assignments").first.wait_for(timeout=SERVER_S * 1000)
    frame.locator("tr", has_text="a1").first.wait_for()
    formgrader.screenshot(path=SCREENSHOTS / "13-formgrader-in-lab.png")
