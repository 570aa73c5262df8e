"""How long a student waits for a cluster: from nothing to two registered executors, and to the end of a first job.

Four ways, in rounds and in one run, each first as often as the others: clusters of the engines ``process`` and
``docker``; ``plain``, the same containers as one would start them by hand (the master, then the workers, then the
session, waiting on each, nothing tuned); and Spark's own ``local-cluster[2,1,1024]`` as pyspark starts it. Wall time
depends on what else the machine does; the CPU seconds of all processes and containers depend on it less.

Examples
--------
    python benchmarks/cluster_start.py
    python benchmarks/cluster_start.py --rounds 3 --ways docker plain --json
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from typing import IO, Any

import psutil

from coursekit.cluster.runtime import find_runtime
from coursekit.engine.daemon import connect, filters
from coursekit.errors import CoursekitError

MARK = "COURSEKIT_BENCHMARK"
FIRST_JOB = "spark.sparkContext.parallelize(range(1000), 4).map(lambda n: n * n).sum()"

OURS = """
from coursekit import GiB, SparkCluster
cluster = SparkCluster(workers=2, cores=1, memory=2 * GiB, name="benchmark")
spark = cluster.session("benchmark")
"""
PLAIN = """
import json, os, time, urllib.request
import docker
from pyspark.sql import SparkSession
from coursekit.engine.daemon import DEFAULT_IMAGE, LABEL
client = docker.from_env()
labels = {f"{LABEL}.realm": os.environ["COURSEKIT_REALM"]}
network = client.networks.create(os.environ["COURSEKIT_REALM"], internal=True, labels=labels)
def start(name, *command):
    container = client.containers.run(
        DEFAULT_IMAGE, ["/opt/venv/lib/python3.11/site-packages/pyspark/bin/spark-class", *command], name=name,
        hostname=name, network=network.name, mem_limit="2g", nano_cpus=10**9, labels=labels, detach=True)
    container.reload()
    return container.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"]
def state():
    try:
        return json.load(urllib.request.urlopen(f"http://{master}:8080/json/", timeout=5))
    except (OSError, ValueError):  # not there yet, or there with an empty page
        return {}
deploy = "org.apache.spark.deploy"
master = start(f"{network.name}-master", f"{deploy}.master.Master")
while state().get("status") != "ALIVE":
    time.sleep(0.1)
for number in (1, 2):
    arguments = ("--cores", "1", "--memory", "1g", "--work-dir", "/tmp/work", f"spark://{master}:7077")
    start(f"{network.name}-worker-{number}", f"{deploy}.worker.Worker", *arguments)
while state().get("aliveworkers") != 2:
    time.sleep(0.1)
network.reload()
gateway = network.attrs["IPAM"]["Config"][0]["Gateway"]
os.environ["PYSPARK_PYTHON"] = "/opt/venv/bin/python"
builder = SparkSession.builder.master(f"spark://{master}:7077").config("spark.driver.host", gateway)
spark = builder.config("spark.driver.bindAddress", gateway).config("spark.log.level", "ERROR").getOrCreate()
while spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() < 3:
    time.sleep(0.02)
"""
LOCAL_CLUSTER = """
import time
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.log.level", "ERROR")
spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
while spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() < 3:
    time.sleep(0.02)
"""
AFTERWARDS = f"""
print("registered", flush=True)
{FIRST_JOB}
print("done", flush=True)
input()
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """One start: seconds until the executors were there; wall and CPU seconds until the first job ended; MiB."""

    registered_s: float
    done_s: float
    done_cpu_s: float
    memory_mib: float


WAYS = {
    "docker": (OURS, {"COURSEKIT_ENGINE": "docker"}),
    "plain": (PLAIN, {}),
    "local_cluster": (LOCAL_CLUSTER, {}),
    "process": (OURS, {"COURSEKIT_ENGINE": "process"}),
}
PAIRS = (("docker", "plain"), ("docker", "local_cluster"), ("process", "local_cluster"))


def main() -> None:
    options = _parse()
    starts: dict[str, list[Start]] = {name: [] for name in options.ways}
    for number in range(options.rounds):
        turn = number % len(options.ways)
        for name in (*options.ways[turn:], *options.ways[:turn]):
            starts[name].append(measure(*WAYS[name], f"bench-{name.replace('_', '-')}-{number}"))
            if not options.json:
                print(f"  {name} {number + 1}: {starts[name][-1].registered_s:.1f} s", file=sys.stderr)
    report(starts, as_json=options.json)


def measure(code: str, settings: dict[str, str], mark: str) -> Start:
    """Run one start in a Python of its own, and everything that it starts, to its end."""
    with tempfile.TemporaryDirectory() as run, tempfile.TemporaryFile("w+") as said:
        environment = {
            **os.environ,
            **settings,
            MARK: mark,
            "COURSEKIT_REALM": mark,
            "COURSEKIT_RUN": run,
            "COURSEKIT_LINGER_S": "0",
            **({} if code == PLAIN else {"SPARK_LOCAL_IP": "127.0.0.1"}),
        }
        began = time.perf_counter()
        driver = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code + AFTERWARDS)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        assert driver.stdin is not None
        registered_s = _await(driver, "registered", began, mark, said)
        done_s = _await(driver, "done", began, mark, said)
        done_cpu_s = _cpu_of_all(mark)  # the driver waits meanwhile
        memory = sum(usage["memory_stats"].get("usage", 0) for usage in _container_usage(mark)) / 2**20
        driver.communicate("\n")
        _remove_containers(mark)
        while _marked(mark):
            time.sleep(0.05)
    return Start(
        registered_s=registered_s,
        done_s=done_s,
        done_cpu_s=done_cpu_s,
        memory_mib=memory,
    )


def _await(driver: subprocess.Popen[str], word: str, began: float, mark: str, said: IO[str]) -> float:
    assert driver.stdout is not None
    line = driver.stdout.readline().strip()
    wall = time.perf_counter() - began
    if line != word:
        said.seek(0)
        raise SystemExit(f"{mark}: expected {word!r}, got {line!r}; its last words:\n{said.read()[-3000:]}")
    return wall


def _cpu_of_all(mark: str) -> float:
    inside = sum(usage["cpu_stats"]["cpu_usage"]["total_usage"] for usage in _container_usage(mark)) / 1e9
    return inside + sum(_cpu_seconds(process) for process in _marked(mark))


def _container_usage(mark: str) -> list[dict[str, Any]]:
    """What each container has used; none where no daemon answers."""
    with contextlib.suppress(CoursekitError):
        api: Any = connect().api
        rows = api.containers(filters=filters(mark))
        return [api.stats(row["Id"], stream=False, one_shot=True) for row in rows]
    return []


def _remove_containers(mark: str) -> None:
    """Remove what the plain way leaves; ours is removed by its keeper."""
    with contextlib.suppress(CoursekitError):
        client = connect()
        if "plain" in mark:
            for container in client.containers.list(all=True, filters=filters(mark)):
                container.remove(force=True)
            for network in client.networks.list(filters=filters(mark)):
                network.remove()
        while client.networks.list(filters=filters(mark)):
            time.sleep(0.05)


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark:
                found.append(process)
    return found


def _cpu_seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return times.user + times.system
    return 0.0


def report(starts: dict[str, list[Start]], *, as_json: bool) -> None:
    labels = {
        "registered_s": "two executors registered, s",
        "done_s": "first job done, s",
        "done_cpu_s": "  CPU seconds until then",
        "memory_mib": "containers, idle after it, MiB",
    }
    figures: dict[str, float | int | str] = {"rounds": len(next(iter(starts.values())))}
    for field in labels:
        for name, measured in starts.items():
            figures[f"{name}_{field}"] = round(statistics.median(getattr(start, field) for start in measured), 2)
    for ours, theirs in (pair for pair in PAIRS if set(pair) <= starts.keys()):
        for field in list(labels)[:-1]:
            rounds = zip(starts[ours], starts[theirs], strict=True)
            ratio = statistics.median(getattr(one, field) / getattr(other, field) for one, other in rounds)
            figures[f"{ours}_over_{theirs}_{field}"] = round(ratio, 3)
        figures[f"{ours}_over_{theirs}"] = figures[f"{ours}_over_{theirs}_done_s"]
    figures["archive"] = int(find_runtime().archive is not None)
    if as_json:
        print(json.dumps(figures))
        return
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    print(f"\n{figures['rounds']} rounds, medians; {machine}")
    print(f"class-data archive of this machine: {'used' if figures['archive'] else 'none (coursekit cluster warm)'}\n")
    print(f"{'':34}" + "".join(f"{name.replace('_', '-'):>15}" for name in starts))
    for field, label in labels.items():
        print(f"{label:34}" + "".join(f"{figures[f'{name}_{field}']:>15}" for name in starts))
    print()
    for ours, theirs in (pair for pair in PAIRS if set(pair) <= starts.keys()):
        told = ", ".join(f"{field} {figures[f'{ours}_over_{theirs}_{field}']}" for field in list(labels)[:-1])
        print(f"{ours} over {theirs.replace('_', '-')}: {told}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (default 5)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="which ways (default: all)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
