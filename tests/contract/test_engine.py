"""What every engine must do; each backend brings a harness that knows its commands."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from docker_fixtures import require_docker
from waiting import until

from coursekit.config import MiB, image_tag
from coursekit.engine import Engine, FakeEngine, NodeSpec, ProcessEngine, daemon
from coursekit.engine.docker import DockerEngine
from coursekit.engine.swarm import SwarmEngine
from coursekit.errors import CapacityError, NodeExistsError, NodeNotFoundError


class FakeHarness:
    """The fake engine's own commands."""

    def __init__(self, _: Path) -> None:
        self.engine = FakeEngine()

    sleeps = ("sleep",)
    exits = ("exit", "7")

    def prints(self, text: str) -> tuple[str, ...]:
        return ("print", text)

    @contextlib.contextmanager
    def driver(self) -> Iterator[None]:
        yield

    def left(self) -> list[str]:
        return []


CATCHES = """
import signal, time
signal.signal(signal.SIGUSR1, lambda *_: print("caught", flush=True))
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""
TICKS = """
import time
while True:
    print("tick", flush=True)
    time.sleep(0.05)
"""


class ProcessHarness:
    """Real processes of this machine."""

    def __init__(self, directory: Path) -> None:
        self.engine = ProcessEngine(directory, keep=True)

    sleeps = (sys.executable, "-c", "import time; time.sleep(600)")
    exits = (sys.executable, "-c", "raise SystemExit(7)")

    def prints(self, text: str) -> tuple[str, ...]:
        return (sys.executable, "-c", f"import time; print({text!r}, flush=True); time.sleep(600)")

    def python(self, code: str) -> tuple[str, ...]:
        return (sys.executable, "-c", code)

    @contextlib.contextmanager
    def driver(self) -> Iterator[None]:
        yield

    def left(self) -> list[str]:
        return [path.name for path in self.engine._node_directory("x").parent.glob("*")]


class DockerHarness:
    """Real containers of the image that all others are built on."""

    def __init__(self, directory: Path) -> None:
        require_docker("base")
        self.engine = DockerEngine(image=image_tag("base"), realm=f"contract-{uuid.uuid4().hex[:8]}", keep=True)

    sleeps = ("python", "-c", "import time; time.sleep(600)")
    exits = ("python", "-c", "raise SystemExit(7)")

    def prints(self, text: str) -> tuple[str, ...]:
        return ("python", "-c", f"import time; print({text!r}, flush=True); time.sleep(600)")

    def python(self, code: str) -> tuple[str, ...]:
        return ("python", "-c", code)

    @contextlib.contextmanager
    def driver(self) -> Iterator[str]:
        """A container for the driver, which says so as whoever starts it does."""
        container = daemon.connect().containers.run(image_tag("base"), ["sleep", "600"], detach=True)
        os.environ["COURSEKIT_CONTAINER"] = container.id
        try:
            yield container.id
        finally:
            del os.environ["COURSEKIT_CONTAINER"]
            container.remove(force=True)

    def left(self) -> list[str]:
        return [
            network.name for network in self.engine._client.networks.list(filters=daemon.filters(self.engine._realm))
        ]


class SwarmHarness(DockerHarness):
    """Real services of a Swarm of several real daemons."""

    def __init__(self, directory: Path) -> None:
        self.engine = SwarmEngine(image=image_tag("base"), realm=f"contract-{uuid.uuid4().hex[:8]}", keep=True)


HARNESSES = {"fake": FakeHarness, "process": ProcessHarness, "docker": DockerHarness, "swarm": SwarmHarness}
real = pytest.mark.parametrize("harness", ["process", "docker", "swarm"], indirect=True)
containers = pytest.mark.parametrize("harness", ["docker", "swarm"], indirect=True)


@pytest.fixture(params=list(HARNESSES))
def harness(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    if request.param == "swarm":
        monkeypatch.setenv("DOCKER_HOST", request.getfixturevalue("swarm").manager.url)
    harness = HARNESSES[request.param](tmp_path)
    yield harness
    for node in harness.engine.nodes():
        harness.engine.stop(node.name)
    assert harness.engine.nodes() == ()
    assert harness.left() == []


@pytest.fixture
def engine(harness: Any) -> Engine:
    return harness.engine


@pytest.fixture
def spec(harness: Any) -> Any:
    def make(name: str = "", **settings: Any) -> NodeSpec:
        known = {"owner": "ada", "group": "default", "role": "worker", "command": harness.sleeps}
        return NodeSpec(name=name or f"node-{uuid.uuid4().hex[:8]}", **{**known, **settings})

    return make


def test_every_backend_satisfies_the_protocol(engine):
    assert isinstance(engine, Engine)


def test_a_started_node_is_listed_as_it_was_specified(engine, spec):
    wanted = spec(labels={"url": "spark://x", "odd": 'quotes " and é'}, cores=2, memory=64 * MiB, role="master")
    node = engine.start(wanted)
    assert engine.nodes() == (node,)
    assert (node.name, node.owner, node.group, node.role) == (wanted.name, "ada", "default", "master")
    assert dict(node.labels) == dict(wanted.labels)
    assert (node.cores, node.memory, node.state, node.exit_code) == (2, 64 * MiB, "running", None)


def test_nodes_are_filtered_by_owner_and_group_and_sorted_by_name(engine, spec):
    for name, owner, group in [("n2", "ada", "x"), ("n1", "ada", "x"), ("n3", "ben", "x"), ("n4", "ada", "y")]:
        engine.start(spec(name, owner=owner, group=group))
    assert [node.name for node in engine.nodes()] == ["n1", "n2", "n3", "n4"]
    assert [node.name for node in engine.nodes(owner="ada", group="x")] == ["n1", "n2"]


def test_a_name_that_is_taken_is_refused(engine, spec):
    node = engine.start(spec())
    with pytest.raises(NodeExistsError, match=node.name):
        engine.start(spec(node.name))


def test_stopping_a_stopped_node_is_harmless(engine, spec):
    node = engine.start(spec())
    engine.stop(node.name)
    engine.stop(node.name)
    assert engine.nodes() == ()


def test_two_may_stop_the_same_node_at_once(engine, spec):
    node = spec()
    engine.start(node)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: engine.stop(node.name), range(4)))
    assert engine.nodes(owner=node.owner) == ()


def test_removing_a_group_leaves_nothing_of_it_and_doing_so_twice_is_harmless(engine, spec):
    gone, stays = spec(group="one"), spec(group="two")
    engine.start(gone)
    engine.start(stays)
    for _ in range(2):
        engine.remove(owner=gone.owner, group="one")
        assert [node.name for node in engine.nodes(owner=gone.owner)] == [stays.name]


def test_a_stopped_name_can_be_used_again(engine, spec):
    node = engine.start(spec())
    engine.stop(node.name)
    assert engine.start(spec(node.name)).is_running


def test_a_node_that_ends_stays_visible_with_its_exit_code(engine, spec, harness):
    node = engine.start(spec(command=harness.exits))
    assert engine.wait(node.name, timeout_s=20) == 7
    (ended,) = engine.nodes()
    assert (ended.state, ended.exit_code) == ("exited", 7)


def test_a_killed_node_shows_the_signal_and_may_be_killed_twice(engine, spec):
    node = engine.start(spec())
    engine.signal(node.name, signal.SIGKILL)
    assert engine.wait(node.name, timeout_s=20) == 128 + signal.SIGKILL
    engine.signal(node.name, signal.SIGKILL)
    (ended,) = engine.nodes()
    assert (ended.state, ended.exit_code) == ("exited", 137)


def test_an_exited_node_can_be_stopped_and_started_again(engine, spec, harness):
    node = engine.start(spec(command=harness.exits))
    engine.wait(node.name, timeout_s=20)
    engine.stop(node.name)
    assert engine.start(spec(node.name)).is_running


def test_waiting_for_a_running_node_ends_with_the_time(engine, spec):
    node = engine.start(spec())
    assert engine.wait(node.name, timeout_s=0.1) is None


def test_logs_are_what_the_node_printed(engine, spec, harness):
    node = engine.start(spec(command=harness.prints("hello\nworld")))
    until(lambda: engine.logs(node.name), within_s=20)
    assert engine.logs(node.name) == "hello\nworld"
    assert engine.logs(node.name, lines=1) == "world"


def test_an_unknown_node_has_no_logs_and_no_end(engine):
    with pytest.raises(NodeNotFoundError, match="nobody"):
        engine.logs("nobody")
    with pytest.raises(NodeNotFoundError, match="nobody"):
        engine.wait("nobody", timeout_s=0)
    with pytest.raises(NodeNotFoundError, match="nobody"):
        engine.signal("nobody", signal.SIGKILL)


def test_more_memory_than_there_is_is_refused(engine, spec):
    too_much = engine.capacity().memory + 1
    with pytest.raises(CapacityError):
        engine.start(spec(memory=too_much))
    assert engine.nodes() == ()


def test_running_nodes_take_cores_from_what_is_free(engine, spec):
    before = engine.capacity()
    node = engine.start(spec(cores=1))
    assert engine.capacity().free_cores == before.free_cores - 1
    engine.stop(node.name)
    assert engine.capacity().free_cores == before.free_cores


def test_holding_and_releasing_a_group_twice_is_harmless(engine, spec):
    for take_or_give in (engine.hold, engine.hold, engine.release, engine.release):
        take_or_give("default", owner="ada")
    assert engine.start(spec()).is_running


def test_a_node_has_an_address_where_the_driver_finds_it(engine, spec, harness):
    with harness.driver():
        node = engine.start(spec())
        assert engine.join(node.group, owner=node.owner)
        assert engine.join(node.group, owner=node.owner) == engine.join(node.group, owner=node.owner)
        (node,) = engine.nodes()
        assert node.address
        engine.stop(node.name)


def test_a_node_knows_its_host_if_the_engine_does(engine, spec):
    assert isinstance(engine.start(spec()).host, str)


@real
def test_a_signal_reaches_the_command_which_may_catch_it(engine, spec, harness):
    node = engine.start(spec(command=harness.python(CATCHES)))
    until(lambda: "ready" in engine.logs(node.name), within_s=20)
    engine.signal(node.name, signal.SIGUSR1)
    until(lambda: "caught" in engine.logs(node.name), within_s=20)
    assert engine.nodes()[0].is_running


@real
def test_a_frozen_node_does_nothing_until_it_is_thawed(engine, spec, harness):
    node = engine.start(spec(command=harness.python(TICKS)))
    until(lambda: engine.logs(node.name), within_s=20)
    engine.freeze(node.name)
    engine.freeze(node.name)
    count = engine.logs(node.name, lines=10_000).count("tick")
    assert engine.wait(node.name, timeout_s=1) is None
    assert engine.logs(node.name, lines=10_000).count("tick") <= count + 1, "one that was on its way"
    engine.thaw(node.name)
    engine.thaw(node.name)
    until(lambda: engine.logs(node.name, lines=10_000).count("tick") > count + 1, within_s=20)


@real
def test_a_frozen_node_can_be_stopped(engine, spec):
    node = engine.start(spec())
    engine.freeze(node.name)
    engine.stop(node.name)
    assert engine.nodes() == ()


@containers
def test_what_a_dead_servers_container_left_is_swept_and_nothing_else(engine, spec, harness):
    leaving = type(engine)(image=image_tag("base"), realm=engine._realm)
    with harness.driver():
        leaving.start(spec("orphan", owner="ada", group="left"))
        leaving.join("left", owner="ada")
        assert leaving.sweep() == (), "its server is there"
    kept = engine.start(spec("kept", owner="ada", group="kept"))
    assert leaving.sweep() == ("ada/left",)
    assert engine.nodes() == (kept,)


@pytest.mark.parametrize("harness", ["swarm"], indirect=True)
def test_the_gpus_of_a_swarms_hosts_are_counted(engine):
    assert (engine.capacity().gpus, engine.capacity().free_gpus) == (2, 2)


@containers
def test_more_gpus_than_any_host_has_are_refused(engine, spec):
    with pytest.raises(CapacityError, match=r"gpus|GPUs"):
        engine.start(spec(gpus=9))
    assert engine.nodes() == ()
