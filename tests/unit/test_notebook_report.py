import json
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from coursekit.notebooks.catalog import Notebook
from coursekit.notebooks.outcome import CellFailure, Outcome
from coursekit.notebooks.report import Conditions, shorten_traceback, write_reports

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
    files = "[notebook](02-bad.ipynb) [log](02-bad.log)"
    assert f"| 02-bad | **a cell failed** | 1.5 | 120 | torch on the CPU (2 cores) | {files} |" in text
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
