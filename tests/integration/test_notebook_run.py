"""Small notebooks without Spark, executed for real."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from made_notebooks import add, outputs
from nbformat.v4 import new_code_cell, new_markdown_cell

from coursekit.config import Course, GiB, MiB
from coursekit.errors import SettingsError
from coursekit.notebooks.catalog import find_notebooks, list_notebooks
from coursekit.notebooks.run import RunSettings, run_notebooks

CLI = (
    "from coursekit.cli import notebook; from coursekit.cli.main import app, main;"
    "'notebook' in [group.name for group in app.registered_groups] or app.add_typer(notebook.app, name='notebook');"
    "main()"
)


@pytest.fixture
def course(tmp_path):
    (tmp_path / "lessons").mkdir()
    (tmp_path / "assignments").mkdir()
    return Course(root=tmp_path)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path):
    """Whatever a notebook of the test started has its folder as working directory or in its command line."""
    yield
    deadline = time.monotonic() + 5
    while (left := related(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in left:
        process.kill()
    assert left == []


def related(folder):
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and (
                str(folder) in process.cwd() or any(str(folder) in part for part in process.cmdline())
            ):
                found.append(process)
    return found


def run(course, *names, **settings):
    notebooks = find_notebooks(names, course) if names else list_notebooks(course)
    return run_notebooks(notebooks, RunSettings(out=course.build / "notebooks", root=course.root, **settings))


def coursekit(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-c", CLI, "notebook", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )


def test_a_notebook_runs_with_its_small_parameters_in_this_interpreter_and_a_copy_of_its_folder(course):
    parameters = new_code_cell("rows = 1000", metadata={"tags": ["parameters"]})
    source = add(
        course,
        "01-good",
        parameters,
        "import os, pathlib, sys\nprint(rows, sys.executable, os.environ['COURSEKIT_LINGER_S'])",
        "print(pathlib.Path('data.csv').read_text()); pathlib.Path('made.txt').touch()",
        contract={"sizes": {"small": {"rows": 7}}},
    )
    (course.lessons / "data.csv").write_text("a,b")
    before = source.read_bytes()
    (outcome,) = run(course)
    assert outcome.has_passed, outcome
    text = outputs(outcome.output)
    assert f"7 {sys.executable} 0" in text
    assert "a,b" in text
    assert source.read_bytes() == before
    assert sorted(path.name for path in course.lessons.iterdir()) == ["01-good.ipynb", "data.csv"]


def test_the_kernel_is_this_interpreter_s_even_when_the_user_has_another_of_that_name(course, tmp_path, monkeypatch):
    spec = tmp_path / "jupyter/kernels/python3/kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": ["/nowhere/python"], "display_name": "Theirs", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    add(course, "01-good", "import sys; print(sys.executable)")
    (outcome,) = run(course)
    assert outcome.has_passed, outcome.log.read_text()
    assert sys.executable in outputs(outcome.output)


def test_a_failing_cell_is_named_and_the_failed_notebook_is_saved_and_others_run_on(course):
    parameters = new_code_cell("rows = 1", metadata={"tags": ["parameters"]})
    add(course, "01-bad", parameters, "x = 1", "1 / 0", "y = 2", contract={"sizes": {"small": {"rows": 7}}})
    add(course, "02-good", "print('fine')")
    bad, good = run(course, jobs=2)
    assert good.has_passed
    assert (bad.status, bad.failure.cell, bad.failure.index) == ("failed", "c3", 2)
    assert (bad.failure.ename, bad.failure.evalue) == ("ZeroDivisionError", "division by zero")
    assert bad.failure.source == "1 / 0"
    assert "\x1b" not in bad.failure.traceback
    saved = nbformat.read(bad.output, as_version=4)
    assert any(output.output_type == "error" for cell in saved.cells for output in cell.get("outputs", []))


def test_an_expected_error_is_none_and_a_real_one_after_it_is(course):
    expected = new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]})
    add(course, "01-expected", expected, "print('went on')")
    add(course, "02-both", new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}), "int('x')")
    good, bad = run(course, jobs=2)
    assert good.has_passed
    saved = nbformat.read(good.output, as_version=4)
    assert [cell.id for cell in saved.cells] == ["c1", "c2"]
    assert (bad.status, bad.failure.cell, bad.failure.ename) == ("failed", "c2", "ValueError")


def test_an_error_that_the_cell_shows_in_its_own_way_is_still_known_by_name(course):
    card = "get_ipython().set_custom_exc((Exception,), lambda shell, kind, error, trace, tb_offset=None: print('card'))"
    add(course, "01-card", card, "int('x')")
    (bad,) = run(course)
    assert (bad.status, bad.failure.cell, bad.failure.ename) == ("failed", "c2", "ValueError")
    assert "card" in outputs(bad.output)


def test_a_dead_kernel_is_told_as_such_with_the_cell_that_killed_it(course):
    add(course, "01-dead", "x = 1", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    (outcome,) = run(course)
    assert (outcome.status, outcome.failure.cell) == ("died", "c2")
    assert "signal 9" in outcome.message


def test_a_cell_that_hangs_is_interrupted_and_the_line_is_known(course):
    add(course, "01-slow", "import time\ntime.sleep(600)")
    (outcome,) = run(course, timeout_s=3)
    assert (outcome.status, outcome.failure.cell) == ("timeout", "c1")
    assert "time.sleep(600)" in outcome.failure.traceback
    assert outcome.seconds < 30


def test_a_cell_that_ignores_interrupts_is_killed_with_everything_below_it(course):
    stubborn = (
        "import signal, subprocess, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "subprocess.Popen(['sleep', '600'], start_new_session=True)\nprint('on', flush=True)\ntime.sleep(600)"
    )
    add(course, "01-stubborn", stubborn)
    (outcome,) = run(course, timeout_s=3, grace_s=2)
    assert (outcome.status, outcome.failure.cell) == ("timeout", "c1")
    assert "killed" in outcome.message
    assert outcome.failure.source == stubborn


def test_what_a_notebook_left_running_ends_with_it(course):
    add(course, "01-litter", "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)")
    add(
        course,
        "02-orphans",
        "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.execvp('sleep', ['sleep', '600'])\n    os._exit(0)\nos.kill(os.getpid(), 9)",
    )
    litter, orphans = run(course, jobs=2)
    assert (litter.status, orphans.status) == ("passed", "died")


def test_the_longest_runs_first_and_no_more_at_once_than_jobs(course):
    for name, minutes in (("01-a", 1), ("02-b", 3), ("03-c", 2)):
        add(
            course,
            name,
            "import time; print(time.time()); time.sleep(0.5); print(time.time())",
            contract={"minutes": minutes},
        )
    spans = {}
    for outcome in run(course, jobs=1):
        spans[outcome.notebook.name] = tuple(map(float, outputs(outcome.output).split()))
    assert sorted(spans, key=spans.__getitem__) == ["02-b", "03-c", "01-a"]
    ordered = sorted(spans.values())
    assert all(first[1] < second[0] for first, second in itertools.pairwise(ordered))


def test_what_took_longest_the_last_time_runs_first_whatever_its_contract_says(course):
    for name, minutes in (("01-a", 2), ("02-b", 1)):
        add(course, name, "import time; print(time.time())", contract={"minutes": minutes})
    record = course.build / "notebooks/times.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"small, cpu": {"01-a": {"seconds": 1.0}, "02-b": {"seconds": 100.0}}}))
    first, second = (float(outputs(outcome.output)) for outcome in run(course, jobs=1))
    assert first > second
    rows = json.loads(record.read_text())["small, cpu"]
    assert rows["02-b"]["seconds"] < 100
    assert 20 * MiB < rows["01-a"]["memory"] < GiB


def test_assignments_run_with_their_solutions(course):
    (course.assignments / "a1" / "wrong").mkdir(parents=True)
    (course.assignments / "a1" / "logs.txt").write_text("line")
    add(
        course,
        "a1",
        "### BEGIN SOLUTION\nx = open('logs.txt').read()\n### END SOLUTION",
        "assert x == 'line'",
        folder=course.assignments / "a1",
    )
    (outcome,) = run(course)
    assert outcome.has_passed, outcome.log.read_text()


def test_braces_and_spaces_in_a_path_are_no_format_string(course, tmp_path):
    path = add(course, "my {odd} name", "print('fine')", folder=tmp_path / "a {b}")
    (outcome,) = run(course, str(path))
    assert outcome.has_passed, outcome.log.read_text()


def test_what_passed_is_not_executed_again_until_something_of_it_changes(course):
    def times(*outcomes):
        return {outcome.notebook.name: outcome.output.stat().st_mtime_ns for outcome in outcomes}

    for name in ("01-one", "02-two", "03-bad"):
        add(course, name, "1 / 0" if name == "03-bad" else "print('ran')")
    first = run(course, fresh=False)
    again = run(course, fresh=False)
    assert [bool(outcome.kept) for outcome in again] == [True, True, False]  # what failed is tried again
    assert [outcome.seconds for outcome in again[:2]] == [outcome.seconds for outcome in first[:2]]
    assert times(*again[:2]) == times(*first[:2])
    add(course, "02-two", "print('ran')", "print('a cell more')")
    changed = run(course, "01", "02", fresh=False)
    assert [bool(outcome.kept) for outcome in changed] == [True, False]
    assert not any(outcome.kept for outcome in run(course, "01", "02", fresh=True))


def test_a_bad_contract_stops_the_run_before_anything_runs(course):
    add(course, "01-good", "print(1)")
    add(course, "02-bad", "print(1)", contract={"workers": -1})
    with pytest.raises(SettingsError, match="02-bad"):
        run(course)
    assert not (course.build / "notebooks").exists()


def test_the_command_names_cell_and_error_and_leaves_the_reports(course):
    add(course, "01-good", new_markdown_cell("# Good"), "print('fine')")
    add(course, "02-bad", "x = 1", "1 / 0")
    result = coursekit("run", "--all", "--jobs", "2", cwd=course.root)
    assert result.returncode == 53, result.stderr
    assert "02-bad" in result.stderr
    assert "'c2'" in result.stderr
    assert "ZeroDivisionError" in result.stdout
    assert "1 / 0" in result.stdout
    assert "Traceback" not in result.stderr
    assert "Executing" not in result.stdout + result.stderr
    made = {path.name for path in (course.build / "notebooks").iterdir()}
    assert made >= {
        "report.html",
        "junit.xml",
        "summary.md",
        "summary.json",
        "01-good.ipynb",
        "02-bad.ipynb",
        "02-bad.log",
    }
    assert coursekit("run", "good", cwd=course.root).returncode == 0


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_the_command_leaves_nothing_and_reports_what_had_run(course, signum):
    add(course, "01-quick", "print('fine')", contract={"minutes": 9})
    add(course, "02-slow", "open('begun', 'w').close()\nimport time; time.sleep(600)")
    process = subprocess.Popen(
        [sys.executable, "-c", CLI, "notebook", "run", "--all", "--jobs", "1"],
        cwd=course.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As from a terminal: what a shell starts in the background ignores SIGINT, and so do its descendants.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    begun = course.build / "notebooks/work/02-slow/notebook/begun"
    wait_for(begun.exists, process)
    process.send_signal(signum)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    figures = json.loads((course.build / "notebooks/summary.json").read_text())
    assert [entry["status"] for entry in figures["notebooks"]] == ["passed", "interrupted"]


def test_killing_the_command_outright_ends_the_notebooks_too(course):
    add(course, "01-slow", "open('begun', 'w').close()\nimport time; time.sleep(600)")
    process = subprocess.Popen(
        [sys.executable, "-c", CLI, "notebook", "run", "01"],
        cwd=course.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for((course.build / "notebooks/work/01-slow/notebook/begun").exists, process)
    process.kill()
    process.wait()  # the fixture waits for the rest to go


def wait_for(condition, process, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert process.poll() is None, process.stderr.read() if process.stderr else "it ended"
        assert time.monotonic() < deadline
        time.sleep(0.05)


FRAMEWORK = """
import sys, types
torch = types.ModuleType("torch")
torch.cuda = types.SimpleNamespace(is_available=lambda: False)
sys.modules["torch"] = torch
"""


def test_the_report_says_which_device_a_framework_computed_on_also_when_a_cell_fails(course):
    add(course, "01-trains", FRAMEWORK, "print(1)")
    add(course, "02-trains-and-fails", FRAMEWORK, "1 / 0")
    add(course, "03-has-no-framework", "print(1)")
    trains, fails, none = run(course)
    assert trains.device.startswith("torch on the CPU (")
    assert (fails.status, fails.device) == ("failed", trains.device)
    assert none.device == ""
    assert not list(trains.output.parent.glob("*.device"))


def test_an_image_for_gpus_is_for_notebooks_in_containers(tmp_path):
    with pytest.raises(SettingsError, match='device = "gpu" names an image'):
        RunSettings(out=tmp_path, device="gpu")
    assert RunSettings(out=tmp_path, device="gpu", engine="docker").device == "gpu"
