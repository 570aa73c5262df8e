"""Who takes the lease of a group that is just being ended: on real processes and real containers."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from docker_fixtures import require_docker
from waiting import until

from coursekit.engine import NodeSpec
from coursekit.engine.docker import DockerEngine
from coursekit.engine.process import ProcessEngine

SLOW_TO_END = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: time.sleep(3)); time.sleep(60)"
TAKE_AND_GO = """
import sys
from coursekit.engine import NodeSpec, open_engine
engine = open_engine(sys.argv[1])
engine.hold("group", owner="ada")
command = ("python3", "-c", sys.argv[2])
engine.start(NodeSpec(name="ada-old", owner="ada", group="group", role="worker", command=command))
"""


@pytest.fixture(autouse=True)
def realm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    realm = f"lease-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("COURSEKIT_RUN", str(tmp_path))
    monkeypatch.setenv("COURSEKIT_REALM", realm)
    monkeypatch.setenv("COURSEKIT_LINGER_S", "0")
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    return realm


def is_ending(run: Path) -> bool:
    """Whether a guard has said that it ends what somebody held."""
    for path in run.glob("**/*.ending"):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False


def node(name: str, code: str) -> NodeSpec:
    return NodeSpec(name=name, owner="ada", group="group", role="worker", command=("python3", "-c", code))


def test_who_takes_the_lease_of_processes_that_are_just_ending_waits_for_their_end(tmp_path):
    subprocess.run([sys.executable, "-c", TAKE_AND_GO, "process", SLOW_TO_END], check=True)
    engine = ProcessEngine()
    assert [one.name for one in engine.nodes()] == ["ada-old"]
    until(lambda: is_ending(tmp_path), within_s=30)
    assert engine.nodes(), "it is slow to end"
    engine.hold("group", owner="ada")
    assert engine.nodes() == ()
    engine.start(node("ada-new", "import time; time.sleep(60)"))
    assert engine.wait("ada-new", timeout_s=2) is None
    engine.release("group", owner="ada")
    until(lambda: not engine.nodes(), within_s=30)


@pytest.mark.docker
def test_who_takes_the_lease_of_containers_that_are_just_being_removed_gets_a_keeper_of_new_ones(tmp_path, realm):
    require_docker("spark")
    subprocess.run([sys.executable, "-c", TAKE_AND_GO, "docker", SLOW_TO_END], check=True)
    engine = DockerEngine(realm=realm)
    until(lambda: is_ending(tmp_path), within_s=30)
    assert engine.nodes(), "it is slow to end"
    engine.hold("group", owner="ada")
    assert engine.nodes() == ()
    engine.start(node("ada-new", "import time; time.sleep(60)"))
    assert engine.wait("ada-new", timeout_s=2) is None
    engine.release("group", owner="ada")
    until(lambda: not engine.nodes(), within_s=30)  # nobody but a keeper does that
