import pytest

from coursekit.config import GiB, MiB
from coursekit.errors import SettingsError
from coursekit.notebooks.contract import Contract, parse_contract

FULL = {
    "title": "Resources on demand",
    "runtime": "spark",
    "workers": 2,
    "cores": 1,
    "memory": "512m",
    "notebook_memory": "3g",
    "gpus": 0,
    "minutes": {"small": 2, "full": 20},
    "sizes": {"small": {"rows": 100}, "full": {"rows": 10_000}},
}


def test_a_full_contract_is_read_with_memory_in_bytes():
    contract = parse_contract(FULL)
    assert (contract.runtime, contract.workers, contract.memory) == ("spark", 2, 512 * MiB)
    assert contract.notebook_memory == 3 * GiB
    assert contract.parameters_at("small") == {"rows": 100}
    assert contract.minutes_at("full") == 20


def test_a_title_is_enough():
    contract = parse_contract({"title": "A lesson"})
    assert contract == Contract(title="A lesson")
    assert (contract.runtime, contract.workers, contract.memory) == ("python", 0, GiB)
    assert contract.parameters_at("full") == {}


def test_one_number_of_minutes_is_that_of_the_small_size_and_stands_for_others():
    contract = parse_contract({"title": "A lesson", "minutes": 1.5})
    assert (contract.minutes_at("small"), contract.minutes_at("full")) == (1.5, 1.5)


@pytest.mark.parametrize(
    ("change", "offending"),
    [
        ({"title": " "}, "' '"),
        ({"title": 3}, "3"),
        ({"runtime": "sparc"}, "sparc"),
        ({"runtime": ["spark"]}, "spark"),
        ({"workers": -1}, "-1"),
        ({"workers": True}, "True"),
        ({"workers": "2"}, "'2'"),
        ({"cores": 0}, "0"),
        ({"gpus": 0.5}, "0.5"),
        ({"memory": "lots"}, "lots"),
        ({"memory": 1024}, "1024"),
        ({"memory": "1m"}, "memory"),
        ({"notebook_memory": 1024}, "1024"),
        ({"notebook_memory": "1m"}, "notebook_memory"),
        ({"minutes": 0}, "0"),
        ({"minutes": float("inf")}, "inf"),
        ({"minutes": {}}, "minutes"),
        ({"minutes": {"medium": 3}}, "medium"),
        ({"sizes": {"medium": {}}}, "medium"),
        ({"sizes": {"small": 3}}, "3"),
        ({"sizes": {"small": {"my rows": 3}}}, "my rows"),
        ({"sizes": ["small"]}, "small"),
        ({"sizes": {"class": {"rows": 100}}}, "class"),
        ({"runtime": "python"}, "workers = 2"),
        ({"worker": 2}, "'worker'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_offending_value_and_a_fix(change, offending):
    with pytest.raises(SettingsError) as caught:
        parse_contract({**FULL, **change})
    assert offending in caught.value.message
    assert caught.value.fix


def test_a_misspelt_key_is_answered_with_the_right_one():
    with pytest.raises(SettingsError) as caught:
        parse_contract({"title": "A lesson", "worker": 2})
    assert "'workers'" in caught.value.fix


@pytest.mark.parametrize("value", ["spark", ["title"], 3])
def test_a_contract_is_a_table(value):
    with pytest.raises(SettingsError):
        parse_contract(value)
