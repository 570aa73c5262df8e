"""What the Docker daemon's refusals mean: the words are those of Docker 20.10."""

from __future__ import annotations

import pytest

from coursekit.engine import NodeSpec, daemon
from coursekit.errors import CapacityError, EngineError, EngineUnavailableError, ImageMissingError, NodeExistsError

SPEC = NodeSpec(name="ada-mine-worker-1", owner="ada", group="mine", role="worker", command=("x",), gpus=1)


@pytest.mark.parametrize(
    ("said", "kind", "named"),
    [
        ("No such image: coursekit/spark:latest", ImageMissingError, "coursekit/spark:latest"),
        ('Conflict. The container name "/x" is already in use by container "abc"', NodeExistsError, SPEC.name),
        ("rpc error: code = AlreadyExists desc = name conflicts with an existing object", NodeExistsError, SPEC.name),
        ("could not find an available, non-overlapping IPv4 address pool among the defaults", CapacityError, "mine"),
        ("write /var/lib/docker/tmp/x: no space left on device", CapacityError, "disk is full"),
        ('could not select device driver "" with capabilities: [[gpu]]', CapacityError, "1 GPUs"),
        ("something that nobody has seen", EngineError, "something that nobody has seen"),
    ],
)
def test_a_refusal_of_the_daemon_is_told_with_its_cause_and_a_fix(said, kind, named):
    error = daemon.explain(said, SPEC)
    assert type(error) is kind
    assert named in error.message
    assert error.fix


def test_a_daemon_that_is_not_there_is_told_with_its_address(tmp_path):
    with pytest.raises(EngineUnavailableError, match=str(tmp_path)):
        daemon.connect(f"unix://{tmp_path}/no.sock")


def test_labels_are_read_back_as_they_were_written():
    spec = NodeSpec(
        name="n", owner="ada", group="g", role="master", command=("x",), labels={"odd": 'a "b" = é'}, cores=2, memory=7
    )
    read = daemon.read_labels(daemon.node_labels("r", spec, keep=True))
    assert read == {
        "owner": "ada",
        "group": "g",
        "role": "master",
        "labels": {"odd": 'a "b" = é'},
        "cores": 2,
        "memory": 7,
        "gpus": 0,
    }


def test_a_networks_name_is_never_longer_than_63_characters_and_differs_where_it_was_cut():
    long = "x" * 60
    first, second = (daemon.network_name("realm", long, group) for group in ("a", "b"))
    assert len(first) <= 63
    assert first != second
    assert daemon.network_name("r", "ada", "mine") == "coursekit-r-ada-mine"
