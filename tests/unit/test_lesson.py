import json

import pytest

from coursekit.errors import SettingsError
from coursekit.lesson import Lesson


@pytest.fixture
def lesson(tmp_path):
    return Lesson("01-test", directory=tmp_path)


def test_the_first_prediction_stays(lesson, capsys):
    lesson.predict("time", 2.5, unit="s")
    lesson.predict("time", 9.0, unit="s")
    assert lesson.predictions["time"].answer == 2.5
    assert "2.5 s" in capsys.readouterr().out.splitlines()[-1]


def test_a_prediction_is_found_again_by_the_next_kernel(lesson, tmp_path):
    lesson.predict("choice", "B", options="abcd")
    lesson.predict("time", 1)
    again = Lesson("01-test", directory=tmp_path).predictions
    assert [(name, made.answer) for name, made in again.items()] == [("choice", "b"), ("time", 1.0)]
    assert again["choice"].made.startswith("20")


@pytest.mark.parametrize("answer", [..., None])
def test_no_answer_is_no_prediction(lesson, capsys, answer):
    lesson.predict("time", answer)
    assert lesson.predictions == {}
    assert "No prediction yet" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "options"), [("two", ()), ("e", "abcd"), ("ab", ("a", "b")), ([1], ())])
def test_an_answer_that_cannot_be_is_refused_and_not_locked(lesson, answer, options):
    with pytest.raises(SettingsError, match="answer"):
        lesson.predict("question", answer, options=options)
    assert lesson.predictions == {}


def test_a_result_is_shown_beside_the_prediction(lesson, capsys):
    lesson.reveal("time", 2.04, unit="s")
    lesson.predict("time", 3)
    lesson.reveal("time", 2.04, unit="s")
    lines = capsys.readouterr().out.splitlines()
    assert "no prediction" in lines[0]
    assert "3 s" in lines[-1]
    assert "2.04 s" in lines[-1]


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"time": 3}', '{"time": {"answer": 1, "what": 2}}'])
def test_a_damaged_file_counts_as_no_predictions(lesson, tmp_path, damage):
    (tmp_path / "01-test.json").write_text(damage)
    assert lesson.predictions == {}
    lesson.predict("time", 1)
    assert json.loads((tmp_path / "01-test.json").read_text())["time"]["answer"] == 1.0


def _is_even(answer):
    assert answer % 2 == 0, "half of it is not whole"


def _double(function):
    assert function(2) == 4, "2 gives 4"


def _unwritten(number):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("answer", "test", "says"),
    [
        (4, _is_even, "right."),
        (3, _is_even, "half of it is not whole"),
        ("x", _is_even, "TypeError"),
        (..., _is_even, "not yet."),
        (None, _is_even, "not yet."),
        (_unwritten, _double, "not yet."),
        (lambda number: 2 * number, _double, "right."),
        (lambda number: number, _double, "2 gives 4"),
    ],
)
def test_a_check_says_what_comes_of_an_answer_and_never_raises(lesson, capsys, answer, test, says):
    lesson.check("exercise", answer, test)
    assert says in capsys.readouterr().out


def test_progress_counts_the_last_check_of_each_exercise(lesson, capsys):
    lesson.check("one", 3, _is_even)
    lesson.check("one", 4, _is_even)
    lesson.check("two", ..., _is_even)
    lesson.predict("time", 1)
    lesson.progress()
    assert "1 predictions made; 1 of 2 exercises solved" in capsys.readouterr().out


def test_what_a_reader_wrote_is_shown_as_text_and_not_as_html(lesson, monkeypatch):
    import IPython
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))

    def refuse(answer):
        raise AssertionError("<script>")

    lesson.check("exercise", 1, refuse)
    assert "<script>" not in shown[0]["text/html"]
    assert "&lt;script&gt;" in shown[0]["text/html"]
