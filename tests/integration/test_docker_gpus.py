"""GPUs of a Docker host, each to one container, with real containers.

The host of the tests has no GPU: its GPUs have names that are made up (`COURSEKIT_GPUS`), and a fake leaves out the
request for them, which the daemon would refuse. Who gets which, under which labels, and when it is free again is real.
"""

from __future__ import annotations

import signal
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from docker_fixtures import require_docker

from coursekit.config import MiB, image_tag
from coursekit.engine import NodeSpec, devices
from coursekit.engine.docker import DockerEngine
from coursekit.errors import CapacityError

pytestmark = pytest.mark.docker
SLEEPS = ("python", "-c", "import time; time.sleep(600)")


def fake_device_requests(chosen):
    """Ask a daemon without GPUs for none."""
    assert chosen
    return []


@pytest.fixture
def make_engine(monkeypatch):
    """Make engines of one realm, as many processes would: each has a client and a lock of its own."""
    require_docker("base")
    realm = f"gpus-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("COURSEKIT_GPUS", ",".join(f"{realm}-{letter}" for letter in "ab"))
    monkeypatch.setattr(devices, "device_requests", fake_device_requests)

    def make() -> DockerEngine:
        return DockerEngine(image=image_tag("base"), realm=realm, keep=True)

    yield make
    engine = make()
    for owner, group in {(node.owner, node.group) for node in engine.nodes()}:
        engine.remove(owner=owner, group=group)
    assert engine.nodes() == ()


def student(name, command=SLEEPS, gpus=1):
    return NodeSpec(
        name=f"{name}-{uuid.uuid4().hex[:8]}",
        owner=name,
        group="deep",
        role="worker",
        command=command,
        memory=64 * MiB,
        gpus=gpus,
    )


def test_of_four_students_who_ask_at_once_two_get_one_of_two_gpus_each(make_engine):
    refusals = []

    def ask(name):
        try:
            return make_engine().start(student(name)).devices
        except CapacityError as error:
            refusals.append(error.message)
            return ()

    with ThreadPoolExecutor(4) as pool:
        given = Counter(device for got in pool.map(ask, ["ada", "ben", "chloe", "dan"]) for device in got)
    assert sorted(given.values()) == [1, 1]
    assert ["of this host's 2, 0 are free" in refusal for refusal in refusals] == [True, True]
    engine = make_engine()
    assert (engine.capacity().gpus, engine.capacity().free_gpus) == (2, 0)
    assert Counter(device for node in engine.nodes() for device in node.devices) == given
    assert len(engine.nodes()) == 2, "nobody left a container behind"


def test_a_gpu_is_free_again_however_its_node_ended_and_not_before(make_engine):
    engine = make_engine()
    ends = {
        "stop": lambda node: engine.stop(node.name),
        "kill": lambda node: engine.signal(node.name, signal.SIGKILL),
        "remove": lambda node: engine.remove(owner=node.owner, group=node.group),
    }
    for how, end in ends.items():
        node = engine.start(student(how, gpus=2))
        assert len(node.devices) == 2
        with pytest.raises(CapacityError, match="0 are free"):
            make_engine().start(student("late"))
        end(node)
        if how == "kill":
            engine.wait(node.name, timeout_s=20)
        assert engine.capacity().free_gpus == 2, how
    crashed = engine.start(student("crash", command=("python", "-c", "raise SystemExit(7)")))
    assert engine.wait(crashed.name, timeout_s=30) == 7
    assert engine.capacity().free_gpus == 2
    (one,) = (node for node in engine.nodes() if node.name == crashed.name)
    assert one.devices == (), "one that has ended has none"
