from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from coursekit.errors import SettingsError
from coursekit.spark.magic import start_cluster


@pytest.fixture(scope="module")
def shell():
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "coursekit")
    yield shell
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("many", "'many' is not a number of executors"),
        ("-1", "unrecognized arguments: -1|expected|-1"),
        ("2 --memory lots", "'lots' is not an amount of memory"),
        ("2 --memory 10m", "at least 1.0 GiB"),
        ("2 --cores two", "invalid int value: 'two'"),
        ("2 3", "unrecognized arguments: 3"),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_its_value(line, complaint):
    with pytest.raises(SettingsError, match=complaint):
        start_cluster(line)


def test_the_magic_alone_says_how_to_write_it(shell, capsys):
    shell.run_line_magic("sc", "")
    assert "spark = %sc 4" in capsys.readouterr().out


def test_stopping_what_never_ran_is_harmless(shell):
    assert shell.run_line_magic("sc", "stop") is None


def test_an_error_in_a_notebook_is_a_message_and_a_fix_without_a_trace(shell, capsys):
    result = shell.run_cell("%sc many")
    shown = capsys.readouterr()
    assert not result.success
    assert "Fix: write it like:  spark = %sc 4" in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err
