"""What the gate leaves to look at, from verdicts that nobody had to run anything for."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from docs_pages import ROOT
from made_verdicts import FAIR, LEAKING, UNFAIR, run

from coursekit.grading.fairness import Scored
from coursekit.grading.gate_report import MEANING, difference, gate_page, gate_summary, write_gate_report


def rows(page: str) -> dict[str, str]:
    """Give the rows of a page's tables by heading, the first of each: a check and an answer are called chameleon."""
    found = re.findall(r"<tr[^>]*><th scope=\"row\">(.*?)</th>(.*)</tr>", page)
    return {heading: html.unescape(re.sub(r"<[^>]+>", " ", rest)) for heading, rest in reversed(found)}


def test_the_page_of_a_fair_assignment_has_its_checks_with_their_meaning_and_every_answer():
    page = gate_page(run(FAIR))
    assert "<title>Assignments: 1 of 1 fair</title>" in page
    assert "✓ fair" in page
    assert "not fair</span>" not in page
    table = rows(page)
    for name, meaning in MEANING.items():
        assert meaning in table[name]
        assert f"what {name} looked at" in table[name]
        assert "✓ holds" in table[name]
    assert table["wrong/half.py"].split() == ["numbers", "only,", "no", "text", "10", "10", "3.2", "s"]
    assert "written otherwise" in table["right/other-ways.py"]
    assert "<details open>" in page, "one assignment is shown whole"
    assert "≠" not in page
    assert "bubblewrap" in page
    assert "80 s" in page


def test_the_page_of_an_unfair_one_names_cell_reason_and_fix_and_marks_what_differs_in_words():
    page = gate_page(run(FAIR, UNFAIR))
    assert "<title>Assignments: 1 of 2 fair</title>" in page
    assert page.index('id="a2"') < page.index('id="a1"'), "what is unfair comes first"
    for problem in UNFAIR.problems:
        assert f"<code>{problem.cell}</code>" in page
        assert problem.reason in html.unescape(page)
        assert problem.fix in html.unescape(page)
    table = rows(page.partition('id="a1"')[0])
    assert "✗ 1 unfair" in table["tests"]
    assert "nothing in right/" in table["right"]
    assert "only with --students" in table["draws"]
    assert "12 14.5 ≠ 2.5 too many" in " ".join(table["wrong/generous.py"].split())
    assert "3 2 ≠ 1 too few" in " ".join(table["wrong/shy.py"].split())
    assert page.count('<tr class="differs">') == 2
    assert "11 <small>2 differing</small>" in page
    assert "<details>" in page, "what is fair is folded where there are several"


def test_checks_that_were_not_made_are_told_and_what_assignments_hold_is_text():
    page = gate_page(run(LEAKING, sandbox=""))
    assert "<script" not in page
    assert "students read &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "data/&lt;b&gt;.csv" in page
    assert "default-src 'none'" in page
    table = rows(page)
    assert "✓ holds" in table["form"]
    assert "✗ 1 unfair" in table["leaks"]
    assert all("not made" in table[name] for name in ("answers", "tests", "right", "chameleon", "time"))
    assert "No answer was run" in page


def test_a_call_that_was_stopped_does_not_look_like_one_that_is_done():
    stopped = run(FAIR, wanted=("a1", "a4"))
    assert "1 <small>of 2</small>" in gate_page(stopped)
    assert "before it came to them: a4" in gate_page(stopped)
    assert "| a4 | **not known**" in gate_summary(stopped)


def test_the_summary_has_a_row_for_each_assignment_and_each_reason_with_its_cell_and_fix():
    text = gate_summary(run(FAIR, UNFAIR, LEAKING))
    assert "1 of 3 fair; looked at in 4 min, sandbox `bubblewrap`, 2026-11-01 12:00 UTC." in text
    assert "| a1 | fair | 5 | 0 | 80 s |" in text
    assert "| a2 | **not fair** (2 reasons) | 6 | 2 | 80 s |" in text
    assert "| a3 | **not fair** (1 reason) | 0 | 0 | 80 s |" in text
    assert "- **a2-join-test** (tests): no answer in wrong/ fails the check 'rows are kept'" in text
    assert "Fix: add an answer to wrong/" in text
    assert r"students read \<script\>alert(1)\</script\> \| \*it\*" in text
    assert "## a1" not in text


@pytest.mark.parametrize(
    ("answer", "declared", "score", "told"),
    [
        ("half", 3, 3, ""),
        ("half", 0.3, 0.1 + 0.2, ""),
        ("half", 3, 4.25, "1.25 too many"),
        ("half", 3, 0, "3 too few"),
        ("chameleon", 1, 0, ""),
        ("chameleon", 1, 2, "1 too many"),
    ],
)
def test_an_answer_differs_by_points_and_the_chameleon_may_get_fewer(
    answer: str, declared: float, score: float, told: str
) -> None:
    assert difference(Scored(answer=answer, declared=declared, score=score, seconds=0)) == told


def test_both_files_are_written_where_nothing_was(tmp_path: Path) -> None:
    page = write_gate_report(run(FAIR), tmp_path / "build" / "gates")
    assert page.name == "report.html"
    assert page.read_text(encoding="utf-8") == gate_page(run(FAIR))
    assert (page.parent / "summary.md").read_text(encoding="utf-8") == gate_summary(run(FAIR))


def test_the_page_knows_the_checks_that_the_document_tells():
    document = (ROOT / "docs" / "writing-assignments.md").read_text(encoding="utf-8")
    table = document.partition("| check | what must hold |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE) == list(MEANING)
