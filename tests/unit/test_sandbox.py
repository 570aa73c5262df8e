"""The parts of a sandbox by themselves: the line between its processes, limits, what is read back, what is hidden."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.config import GiB, MiB
from coursekit.errors import SandboxError, SettingsError
from coursekit.grading.sandboxed import hidden_names, limits_of
from coursekit.sandbox import Cell, Limits, Outcome, Request, choose_box, read_limits, read_outcome
from coursekit.sandbox.boxes import DockerBox
from coursekit.sandbox.canaries import make_canaries
from coursekit.sandbox.channel import ForgedMessageError, make_opener, make_receiver, make_sender, take_message
from coursekit.sandbox.jobs import _split, find_imports
from coursekit.sandbox.request import CellResult, read_cell

KEY = b"k" * 32


@given(st.lists(st.binary(max_size=2000), max_size=5))
def test_messages_arrive_as_they_were_sent_and_nobody_can_read_them_on_the_way(messages: list[bytes]) -> None:
    there, here = os.pipe()
    try:
        send = make_sender(here, KEY, b"in")
        receive = make_receiver(there, KEY, b"in")
        for message in messages:
            send(message)
            assert receive() == message
    finally:
        os.close(there)
        os.close(here)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_message_that_was_changed_or_sent_twice_is_noticed(message: bytes, data: st.DataObject) -> None:
    there, here = os.pipe()
    try:
        make_sender(here, KEY, b"out")(message)
        raw = bytearray(os.read(there, 100_000))
    finally:
        os.close(there)
        os.close(here)
    opener = make_opener(KEY, b"out")
    assert message not in bytes(raw) or len(message) < 3
    with pytest.raises(ForgedMessageError):
        take_message(bytearray(raw), 1, opener)  # the second message cannot be the first again
    place = data.draw(st.integers(8, len(raw) - 1))
    raw[place] ^= 1
    with pytest.raises(ForgedMessageError):
        take_message(raw, 0, opener)


def test_limits_are_read_from_a_contract_and_bad_ones_are_named() -> None:
    assert read_limits({"memory": "512m", "cell_s": 3}) == Limits(memory=512 * MiB, cell_s=3)
    with pytest.raises(SettingsError, match="no limit 'memroy'"):
        read_limits({"memroy": 1})
    with pytest.raises(SettingsError, match="processes = 0"):
        read_limits({"processes": 0})
    notebook = {"metadata": {"coursekit": {"title": "T", "runtime": "spark", "memory": "1g", "limits": {"cores": 1}}}}
    assert limits_of(notebook).memory == 3 * GiB
    assert limits_of(notebook).cores == 1


def test_names_of_hidden_regions_are_those_that_nothing_visible_binds() -> None:
    hidden = "import random as r\nfor i in range(3):\n    b = a = i\n"
    source = f"a = 1\n### BEGIN HIDDEN TESTS\n{hidden}### END HIDDEN TESTS\nc = 2"
    assert hidden_names(source) == ("b", "i", "r")


def test_modules_are_found_by_import_and_by_attribute() -> None:
    found = find_imports(
        ["import numpy as np\nfrom collections import Counter", "np.testing.assert_equal(1, 1)\n%sc 2"]
    )
    assert {"numpy", "numpy.testing", "collections"} <= found


def test_the_last_value_of_a_cell_is_told_from_its_statements() -> None:
    body, last, protected = _split("import math\ndef f(): pass\nx = 1\nf()")
    assert (body.split(), last) == (["import", "math", "def", "f():", "pass", "x", "=", "1"], "f()")
    assert protected == ["math", "f"]
    assert _split("x = 1")[1] == ""


def test_canaries_are_never_the_same() -> None:
    assert [text for text, _ in make_canaries([])] != [text for text, _ in make_canaries([])]


@pytest.mark.parametrize(
    "table",
    [
        {"status": "great"},
        {"status": "ok", "score": "4"},
        {"status": "ok", "score": float("nan")},
        {"status": "ok", "score": float("inf")},
    ],
)
def test_a_result_that_cannot_be_is_not_read(table: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is no"):
        read_cell(table)


def test_outputs_that_are_none_are_left_out_and_the_rest_is_plain() -> None:
    odd = [3, {"output_type": "x"}, {"output_type": "display_data", "data": 3}, {"output_type": "stream", "text": 5}]
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": "no list"}
    found = read_cell({"status": "ok", "outputs": [*odd, error]}).outputs
    assert found == (
        {"output_type": "stream", "name": "stdout", "text": "5"},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": []},
    )


def test_an_outcome_is_the_same_after_it_was_kept() -> None:
    outcome = Outcome(cells={"a": CellResult(status="ok", score=2.0, report="r")}, tampered=("x",), seconds=1.5)
    assert read_outcome(outcome.as_json()) == outcome


def test_a_result_is_kept_under_all_that_it_depends_on() -> None:
    def request(**changed: Any) -> Request:
        cells = (Cell(id="a", kind="test", source=changed.pop("source", "1.0")),)
        return Request(student="ada", assignment="a1", cells=cells, **changed)

    digests = {
        request().digest("image"),
        request().digest("another"),
        request(source="2.0").digest("image"),
        request(files={"a": b"1"}).digest("image"),
        request(limits=Limits(cell_s=1)).digest("image"),
    }
    assert len(digests) == 5
    assert request().digest("image") in digests


def test_a_container_has_nothing_that_it_does_not_need() -> None:
    command = " ".join(DockerBox(image="sha256:1").command("sandbox-1", Limits(), "ada"))
    for part in (
        "--network none", "--read-only", "--user 1000:1000", "--cap-drop ALL", "no-new-privileges",
        "--memory 2147483648 --memory-swap 2147483648", "--pids-limit 512", "--ulimit nofile=1024:1024", "--cpus 1",
    ):  # fmt: skip
        assert part in command
    assert "docker.sock" not in command
    assert "gradebook" not in command


def test_a_sandbox_that_there_is_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_SANDBOX", "jail")
    with pytest.raises(SandboxError, match="no sandbox 'jail'"):
        choose_box()
