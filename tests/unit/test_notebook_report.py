import json
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from nbformat.v4 import new_code_cell, new_notebook, new_output

from coursekit.config import GiB, MiB
from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.outcome import CellFailure, Conditions, Outcome
from coursekit.notebooks.report import write_reports
from coursekit.notebooks.summary import shorten_traceback

CONDITIONS = Conditions(started=datetime(2026, 11, 1, 12, 0, tzinfo=UTC), seconds=12.345, jobs=2, size="small")


def outcome(out, name, status, *, failure=None, message=""):
    return Outcome(
        notebook=Notebook(name=name, kind="lesson", path=Path("lessons") / f"{name}.ipynb"),
        status=status,
        seconds=1.5,
        minutes=2,
        output=out / f"{name}.ipynb",
        log=out / f"{name}.log",
        message=message,
        failure=failure,
        memory=300 * MiB,
        planned_memory=2 * GiB,
        device="torch on the CPU (2 cores)",
    )


def outcomes(out):
    failure = CellFailure(
        cell="divide",
        index=3,
        source="print('```')\n1 / 0",
        ename="ZeroDivisionError",
        evalue="division by zero",
        traceback="-----\nZeroDivisionError  Traceback (most recent call last)\nCell In[2], line 2\n1 / 0\x1b\x00 <&>",
    )
    return (
        outcome(out, "01-good", "passed"),
        outcome(out, "02-bad", "failed", failure=failure, message="ZeroDivisionError: division by zero\nmore"),
        outcome(out, "03-slow", "timeout", failure=CellFailure(cell="wait", index=0, source="sleep()"), message="late"),
    )


def test_junit_counts_failures_and_errors_and_is_xml_whatever_a_cell_printed(tmp_path):
    write_reports(outcomes(tmp_path), CONDITIONS, tmp_path)
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert suite.get("time") == "12.35" or suite.get("time") == "12.34"
    good, bad, slow = suite.findall("testcase")
    assert list(good) == []
    assert (bad.get("classname"), bad.get("name"), bad.get("time")) == ("notebooks.lesson", "02-bad", "1.50")
    (fault,) = bad
    assert (fault.tag, fault.get("type")) == ("failure", "ZeroDivisionError")
    assert fault.get("message") == "a cell failed in cell 'divide' (number 4): ZeroDivisionError: division by zero"
    assert "1 / 0\ufffd\ufffd <&>" in fault.text
    (fault,) = slow
    assert (fault.tag, fault.get("type")) == ("error", "timeout")


def test_the_summary_has_a_table_and_the_failing_cell_in_a_fence_that_holds(tmp_path):
    write_reports(outcomes(tmp_path), CONDITIONS, tmp_path)
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "1 of 3 passed in 12 s" in text
    assert "| 02-bad | **a cell failed** | 1.5 | 120 | 300 MiB | 2.0 GiB | torch on the CPU (2 cores) |" in text
    assert "````text\na cell failed in cell 'divide'" in text
    assert "    2  1 / 0" in text


def test_the_summary_as_json_has_the_whole_error(tmp_path):
    write_reports(outcomes(tmp_path), CONDITIONS, tmp_path)
    figures = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert (figures["passed"], figures["size"], figures["jobs"]) == (1, "small", 2)
    bad = figures["notebooks"][1]
    assert (bad["status"], bad["failure"]["cell"], bad["failure"]["index"]) == ("failed", "divide", 3)
    assert (bad["failure"]["ename"], bad["failure"]["evalue"]) == ("ZeroDivisionError", "division by zero")


def test_a_short_traceback_leaves_the_jvm_s_frames_out():
    text = "Py4JJavaError\n\tat org.apache.spark.Foo.bar(Foo.scala:3)\n\t... 12 more\nCaused by: it"
    assert shorten_traceback(text) == "Py4JJavaError\nCaused by: it"


def test_the_page_has_every_notebook_and_shows_what_notebooks_hold_as_text(tmp_path):
    hostile = "<script>alert(1)</script>"
    failure = CellFailure(cell="c1", index=0, source=hostile, ename=hostile, evalue=hostile, traceback=hostile)
    bad = outcome(tmp_path, "01-bad", "failed", failure=failure, message=hostile)
    printed = new_output("stream", text=f"\x1b[31mprinted {hostile}\x1b[0m")
    cell = new_code_cell(hostile, id=failure.cell, outputs=[printed])
    bad.output.write_text(json.dumps(new_notebook(cells=[cell])))
    slow = outcome(tmp_path, "02-slow", "slow", message="it took 200 s, and its contract says 120 s")
    write_reports((bad, slow, outcome(tmp_path, "03-good", "passed")), CONDITIONS, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "printed &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert 'href="01-bad.ipynb"' in page
    assert 'href="02-slow.ipynb"' not in page  # it is not there
    assert "1 <small>of 3</small>" in page
    for words in (
        "a cell failed",
        "slower than its contract",
        "1.5 of 120 s",
        "300 MiB of 2.0 GiB",
        "torch on the CPU",
    ):
        assert words in page
    assert "default-src 'none'" in page
