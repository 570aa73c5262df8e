"""What a student and the instructor do in a browser: a lesson, an assignment, formgrader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import nbformat
import pytest
from browser_fixtures import (
    SCREENSHOTS,
    SERVER_S,
    choose,
    log_in,
    open_lab,
    wait_for_the_kernel,
    wait_until_idle,
)
from nbgrader.api import Gradebook

from coursekit.grading import autograde, collect, fill, grades, publish_feedback, read_answer, reference_answer, release

if TYPE_CHECKING:
    from hub_fixtures import HubUnderTest
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.hub, pytest.mark.timeout(1200)]

LESSON_S = 600


@pytest.fixture(scope="module")
def released(hub):
    grading = hub.settings.grading
    if not (grading.outbound / "a1").is_dir():
        release(grading, "a1", gated=False)


def answer(hub: HubUnderTest, student: str) -> None:
    """Fill a student's fetched notebook with half of the answers, and a text that a person has to read."""
    notebook = hub.settings.home(student) / "a1" / "a1.ipynb"
    filled = fill(nbformat.read(notebook, as_version=4), read_answer(hub.course.assignments / "a1/wrong/half.py"))
    [text] = [
        cell for cell in filled.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "a1-boundary-answer"
    ]
    text.source = "The driver plans and asks; the executors hold the data and do the work."
    nbformat.write(filled, notebook)


def press_and_wait(page: Page, button: str, *, seconds: float = 120) -> None:
    """Press one of formgrader's buttons in Dora's row, and close the dialog that tells how it went."""
    row = page.locator("tr", has_text="dora").first
    row.locator(f".{button} a").click()
    dialog = page.locator("#success-modal, #error-modal")
    dialog.locator(".modal-footer button").first.wait_for(timeout=seconds * 1000)
    assert dialog.get_attribute("id") == "success-modal", dialog.inner_text()
    dialog.locator(".modal-footer button").first.click()
    dialog.wait_for(state="detached")


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
    if not (hub.settings.home("dora") / "a1").is_dir():  # a first try may have fetched it
        page.get_by_role("button", name="Fetch", exact=True).click()
    page.get_by_role("button", name="Submit", exact=True).wait_for()
    page.screenshot(path=SCREENSHOTS / "07-assignment-fetched.png")
    answer(hub, "dora")
    page.get_by_role("button", name="Submit", exact=True).click()
    submitted = page.locator("#submitted_assignments_list, #submitted_assignments").first
    submitted.get_by_text("a1").first.wait_for()
    page.screenshot(path=SCREENSHOTS / "08-assignment-submitted.png")
    assert list(hub.settings.grading.inbound.glob("dora+a1+*"))


def test_jupyterlab_learns_from_a_server_of_the_hub_how_long_it_stays(hub, page):
    url = hub.running.url
    log_in(page, url, "lea", hub.running.passwords.students)
    with page.expect_response(lambda answer: "coursekit/idle" in answer.url, timeout=SERVER_S * 1000) as asked:
        open_lab(page, url, "lea")
    assert asked.value.status == 200
    assert asked.value.json()["work"] == ""


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


def test_the_instructor_grades_by_hand_what_the_sandbox_left(hub, released, page):
    url, grading = hub.running.url, hub.settings.grading
    log_in(page, url, "instructor", hub.running.passwords.instructors)
    formgrader = f"{url}/services/{hub.settings.course_id}/formgrader"
    page.goto(f"{formgrader}/manage_submissions/a1")
    press_and_wait(page, "autograde", seconds=300)
    page.locator("tr", has_text="dora").get_by_text("needs manual grading").wait_for()
    page.screenshot(path=SCREENSHOTS / "12-formgrader-autograded.png")
    [grade] = [grade for grade in grades(grading, "a1") if grade.student == "dora"]
    assert grade.auto_score == 10

    page.goto(f"{formgrader}/gradebook/a1/a1")
    with Gradebook(grading.db_url) as book:  # submissions have no names here, and bots may have handed in beside
        own = book.find_submission_notebook("a1", "a1", "dora").id
    page.locator(f"a[href*='{own}']").first.click()
    page.locator("#a1-boundary-answer").wait_for()
    page.screenshot(path=SCREENSHOTS / "13-formgrader-submission.png", full_page=True)
    with page.expect_response(lambda answer: "/api/grade/" in answer.url and answer.request.method == "PUT"):
        page.locator("#a1-boundary-answer").fill("4")
        page.locator("#a1-boundary-answer").blur()
    with page.expect_response(lambda answer: "/api/comment/" in answer.url and answer.request.method == "PUT"):
        page.locator("#a1-boundary-answer-comment").fill("Right. What crosses the boundary, though?")
        page.locator("#a1-boundary-answer-comment").blur()
    page.locator("#a1-boundary-answer").scroll_into_view_if_needed()
    page.screenshot(path=SCREENSHOTS / "14-formgrader-by-hand.png")
    page.goto(f"{formgrader}/manage_submissions/a1")
    press_and_wait(page, "generate-feedback")
    press_and_wait(page, "release-feedback")
    [grade] = [grade for grade in grades(grading, "a1") if grade.student == "dora"]
    assert grade.score == 14


def test_the_student_reads_the_feedback(hub, released, page):
    url = hub.running.url
    log_in(page, url, "dora", hub.running.passwords.students)
    open_lab(page, url, "dora")
    choose(page, "Nbgrader", "Assignment List")
    page.get_by_role("button", name="Fetch Feedback").click()
    feedback = page.get_by_text("view feedback").first
    feedback.wait_for()
    page.screenshot(path=SCREENSHOTS / "15-assignment-feedback.png")
    home = hub.settings.home("dora")
    [written] = (home / "a1" / "feedback").rglob("a1.html")
    page.goto(f"{url}/user/dora/files/{quote(str(written.relative_to(home)))}")
    text = page.inner_text("body")
    assert "14" in text
    assert "What crosses the boundary" in text
    assert "HIDDEN" not in text
    page.screenshot(path=SCREENSHOTS / "16-feedback.png", full_page=True)


def test_the_instructor_finds_formgrader_from_the_course_list(hub, released, page):
    url = hub.running.url
    log_in(page, url, "instructor", hub.running.passwords.instructors)
    open_lab(page, url, "instructor")
    choose(page, "Nbgrader", "Course List")
    page.get_by_text(hub.settings.course_id).first.wait_for()
    page.screenshot(path=SCREENSHOTS / "17-course-list.png")
    with page.context.expect_page() as opened:
        page.locator("a", has_text=hub.settings.course_id).first.click()
    formgrader = opened.value
    frame = formgrader.frame_locator("iframe")
    frame.get_by_text("Manage Assignments").first.wait_for(timeout=SERVER_S * 1000)
    frame.locator("tr", has_text="a1").first.wait_for()
    formgrader.screenshot(path=SCREENSHOTS / "18-formgrader-in-lab.png")


def test_a_student_works_on_the_keras_assignment_validates_submits_and_reads_the_feedback(hub, page):
    url, grading = hub.running.url, hub.settings.grading
    if not (grading.outbound / "a7").is_dir():
        release(grading, "a7", gated=False)
    log_in(page, url, "kira", hub.running.passwords.students)
    open_lab(page, url, "kira")
    choose(page, "Nbgrader", "Assignment List")
    own = page.locator("#released_assignments_list, #released_assignments").first.locator("div", has_text="a7").first
    if not (hub.settings.home("kira") / "a7").is_dir():  # a first try may have fetched it
        own.get_by_role("button", name="Fetch", exact=True).last.click()
    page.get_by_role("button", name="Submit", exact=True).first.wait_for()
    notebook = hub.settings.home("kira") / "a7" / "a7.ipynb"
    right = reference_answer(hub.course.assignments / "a7" / "a7.ipynb")
    nbformat.write(fill(nbformat.read(notebook, as_version=4), right), notebook)

    page.goto(f"{url}/user/kira/lab/tree/a7/a7.ipynb")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    wait_for_the_kernel(page, f"{url}/user/kira/api/kernels")
    choose(page, "Run", "Run All Cells")
    wait_until_idle(page, LESSON_S)
    choose(page, "File", "Save Notebook")
    page.locator(".jp-mod-dirty").first.wait_for(state="detached")
    page.screenshot(path=SCREENSHOTS / "19-keras-worked.png")
    cells = code_cells(notebook)
    assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
    page.get_by_role("button", name="Validate").first.click()
    said = page.locator(".jp-Dialog", has_text="Validation Results")
    said.wait_for(timeout=LESSON_S * 1000)
    page.screenshot(path=SCREENSHOTS / "20-keras-validated.png")
    assert "Your notebook passes all the tests" in said.inner_text(), said.inner_text()
    page.get_by_role("button", name=re.compile("ok|dismiss", re.IGNORECASE)).first.click()

    choose(page, "Nbgrader", "Assignment List")
    page.get_by_role("button", name="Submit", exact=True).first.click()
    page.locator("#submitted_assignments_list, #submitted_assignments").first.get_by_text("a7").first.wait_for()
    collect(grading, "a7")
    autograde(grading, "a7", students=["kira"])
    publish_feedback(grading, "a7")
    [grade] = [grade for grade in grades(grading, "a7") if grade.student == "kira"]
    assert grade.auto_score == grade.auto_max
    page.get_by_role("button", name="Fetch Feedback").first.click()
    page.get_by_text("view feedback").first.wait_for()
    home = hub.settings.home("kira")
    [written] = (home / "a7" / "feedback").rglob("a7.html")
    page.goto(f"{url}/user/kira/files/{quote(str(written.relative_to(home)))}")
    assert f"{grade.auto_score:g}" in page.inner_text("body")
    page.screenshot(path=SCREENSHOTS / "21-keras-feedback.png", full_page=True)
