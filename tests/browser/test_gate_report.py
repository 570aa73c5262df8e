"""The gate's report as a browser shows it: light, dark and narrow, without a request, an error or a cut-off."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_fixtures import SCREENSHOTS
from made_verdicts import FAIR, LEAKING, UNFAIR, run

from coursekit.grading.gate_report import write_gate_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("gates")
    return write_gate_report(run(FAIR, UNFAIR, LEAKING), folder).as_uri()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_an_unfair_assignment_is_seen_with_its_reasons_and_a_fair_one_can_be_unfolded(browser, address, scheme, width):
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: said.append(request.url) if request.url != address else None)
    page.goto(address)
    unfair, fair = page.locator("article#a2"), page.locator("article#a1")
    assert unfair.get_by_text("✗ not fair").is_visible()
    assert unfair.get_by_text("no answer in wrong/ fails the check 'rows are kept'").is_visible()
    assert unfair.get_by_text("≠ 2.5 too many").is_visible()
    assert not fair.get_by_text("wrong/half.py").is_visible()
    fair.get_by_text("checks and answers").click()
    assert fair.get_by_text("wrong/half.py").is_visible()
    page.screenshot(path=SCREENSHOTS / f"gates-{scheme}-{width}.png", full_page=True)
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
