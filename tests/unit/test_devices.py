"""GPUs for one container each, whoever asks when; the daemon is a fake, and each thread like a process of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_daemon import FakeDaemon

from coursekit.engine import FakeEngine, NodeSpec, devices
from coursekit.errors import CapacityError

GPUS = tuple(f"GPU-{letter}" for letter in "abcd")


def claim(daemon, wanted=1, there=GPUS, who="ada"):
    return devices.claim(daemon, there, wanted, lambda chosen: daemon.create(devices.device_label(chosen)), name=who)


def held(daemon):
    """Give the GPUs of running containers, one entry for each holder."""
    running = [row for row in daemon.rows.values() if row["State"] == "running"]
    return [device for row in running for device in devices.read_device_label(row["Labels"])]


def test_what_is_taken_is_not_given_again_and_what_has_ended_is():
    daemon = FakeDaemon()
    first, second = claim(daemon, 2), claim(daemon, 2)
    for made in (first, second):
        daemon.become(made, "running")
    assert sorted(held(daemon)) == sorted(GPUS)
    with pytest.raises(CapacityError, match="'ada' needs 1 GPU, but of this host's 4, 0 are free"):
        claim(daemon)
    daemon.become(first, "exited")
    third = claim(daemon, 2)
    assert daemon.rows[third]["Labels"] == daemon.rows[first]["Labels"]


@pytest.mark.parametrize("end", ["exited", "dead", "removing"])
def test_a_container_gives_its_gpus_back_however_it_ends(end):
    daemon = FakeDaemon()
    made = claim(daemon, 4)
    daemon.become(made, end)
    assert devices.taken_devices(daemon) == set()


@pytest.mark.parametrize("state", ["created", "running", "paused", "restarting"])
def test_a_container_that_may_yet_run_keeps_its_gpus(state):
    daemon = FakeDaemon()
    daemon.become(claim(daemon, 1), state)
    assert devices.taken_devices(daemon) == {"GPU-a"}


def test_what_was_made_long_ago_and_never_started_is_removed_so_that_nobody_starts_it_later():
    daemon = FakeDaemon()
    left = daemon.create(devices.device_label(GPUS), created=time.time() - 3600)
    made = claim(daemon, 4)
    assert list(daemon.rows) == [made]
    assert left != made


def test_more_than_there_is_is_refused_and_nothing_is_made():
    daemon = FakeDaemon()
    with pytest.raises(CapacityError, match="needs 5 GPUs"):
        claim(daemon, 5)
    assert daemon.rows == {}


@pytest.mark.parametrize("round_", range(3))
def test_of_twice_as_many_students_as_gpus_each_gpu_has_exactly_one(round_):
    daemon, start = FakeDaemon(slowness_s=0.02), threading.Barrier(2 * len(GPUS))

    def ask(number):
        start.wait()
        try:
            made = claim(daemon, who=f"student-{number}")
        except CapacityError:
            return False
        daemon.become(made, "running")
        return True

    with ThreadPoolExecutor(2 * len(GPUS)) as pool:
        served = sum(pool.map(ask, range(2 * len(GPUS))))
    assert served == len(GPUS), "those who lost a race asked again"
    assert Counter(held(daemon)) == dict.fromkeys(GPUS, 1)
    assert len(daemon.rows) == len(GPUS), "nobody left a container behind"


def test_students_who_come_and_go_never_share_a_gpu():
    daemon, over = FakeDaemon(slowness_s=0.002), threading.Event()
    shared, served = [], Counter()

    def watch():
        while not over.is_set():
            shared.extend(device for device, holders in Counter(held_at_once(daemon)).items() if holders > 1)

    def work(number):
        for _ in range(5):
            try:
                made = claim(daemon, 1 + number % 2, who=str(number))
            except CapacityError:
                continue
            daemon.become(made, "running")
            served[number] += 1
            time.sleep(0.005)
            daemon.become(made, "exited")

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    over.set()
    watcher.join()
    assert shared == []
    assert sum(served.values()) >= 8


def held_at_once(daemon):
    with daemon._lock:
        return held(daemon)


def test_the_operators_list_comes_first_then_the_daemons_then_the_drivers(monkeypatch):
    info = {"Name": socket.gethostname(), "GenericResources": []}
    monkeypatch.setattr(devices, "look", lambda: devices_of_a_driver("GPU-driver"))
    assert devices.host_devices(info) == ("GPU-driver",)
    assert devices.host_devices({**info, "Name": "another host"}) == (), "this host's driver knows only this host"
    named = [{"NamedResourceSpec": {"Kind": kind, "Value": f"{kind}-1"}} for kind in ("gpu", "ssd")]
    counted = [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 3}}]
    assert devices.host_devices({**info, "GenericResources": named + counted}) == ("gpu-1",)
    monkeypatch.setenv("COURSEKIT_GPUS", "MIG-1, MIG-2")
    assert devices.host_devices({**info, "GenericResources": named}) == ("MIG-1", "MIG-2")
    monkeypatch.setenv("COURSEKIT_GPUS", "")
    assert devices.host_devices(info) == ()


def devices_of_a_driver(uuid):
    from types import SimpleNamespace

    return SimpleNamespace(gpus=(SimpleNamespace(uuid=uuid),))


def student(number, gpus=1, command=("sleep",)):
    return NodeSpec(name=f"n{number}", owner=f"s{number}", group="g", role="worker", command=command, gpus=gpus)


def test_the_fake_engine_hands_out_each_gpu_once_and_takes_it_back_in_every_way():
    engine = FakeEngine(gpus=3)

    def start(number):
        try:
            return engine.start(student(number)).devices
        except CapacityError:
            return ()

    with ThreadPoolExecutor(6) as pool:
        given = [device for devices_ in pool.map(start, range(6)) for device in devices_]
    assert sorted(given) == ["fake-gpu-0", "fake-gpu-1", "fake-gpu-2"]
    assert (engine.capacity().gpus, engine.capacity().free_gpus) == (3, 0)
    running = [node.name for node in engine.nodes()]
    engine.stop(running[0])
    engine.signal(running[1], 9)
    engine.remove(owner=running[2].replace("n", "s"), group="g")
    assert engine.capacity().free_gpus == 3
    assert engine.start(student(9, command=("exit", "1"))).devices == ()
    assert engine.capacity().free_gpus == 3
