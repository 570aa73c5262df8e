"""The instructor's page as a browser shows it: light, dark and narrow, without a request, an error or a cut-off."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_fixtures import SCREENSHOTS
from gradebook_fixtures import small_class

from coursekit.grading.overview import look_at
from coursekit.grading.page import write_page

pytestmark = pytest.mark.browser

ANSWER = "def mean(values):\n    total = 0\n    for value in values:\n        total += value ** 2 - 1\n    return total"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("overview")
    toy = small_class(folder)
    toy.course_file("[assignments.toy]\ndue = 2026-12-01T23:59:00+01:00\npenalty_per_day = 0.1\n")
    for place, student in enumerate(["ada", "bob", "cleo", "dan", "<script>alert(1)</script>"]):
        scores = {"toy-double": (4, 4, 2, 0, 4)[place], "toy-sort": (6, 3, 0, 1, 6)[place]}
        day = 4 if student == "dan" else 1
        answers = {"toy-double": ANSWER} if place < 2 else None
        toy.submit(student, f"2026-12-0{day} 12:00:00", scores=scores, why=None if place else 2, answers=answers)
    flags = [{"kind": "tampered", "what": "toy-sort-test was edited: <b onclick='alert(2)'>" + "restored " * 12}]
    cells = {"toy-sort-test": {"status": "timeout"}}
    toy.write_report("dan", {"seconds": 31.5, "flags": flags, "cells": cells})
    toy.write_report("ada", {"seconds": 4.2, "flags": [], "cells": {}})
    return write_page(look_at(toy.settings, "toy"), folder / "toy.html").as_uri()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 420)])
def test_the_overview_is_shown_whole_and_asks_for_nothing(browser, address, scheme, width):
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: said.append(request.url) if request.url != address else None)
    page.goto(address)
    page.screenshot(path=SCREENSHOTS / f"overview-{scheme}-{width}.png", full_page=True)
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("img").count() == 4
    assert page.get_by_role("img", name="Distribution of 5 scores out of 12").is_visible()
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.querySelector({where!r})).{what}")
        for where, what in (("figure svg text", "fill"), ("section", "backgroundColor"))
    )
    assert contrast(ink, paper) >= 4.5
    page.close()


def contrast(one: str, other: str) -> float:
    """Give the ratio of WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio) of two ``rgb()`` colours."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(each) / 255 for each in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
