"""How long a student waits for a cluster: from nothing to two registered executors, and to the end of a first job.

Compares a cluster of the ``process`` engine with Spark's own ``local-cluster[2,1,1024]`` as pyspark starts it, in pairs
and in one run. Wall time depends on what else the machine does; the CPU seconds of all processes depend on it less.

Examples
--------
    python benchmarks/cluster_start.py
    python benchmarks/cluster_start.py --pairs 3 --json
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

import psutil

from coursekit.cluster.runtime import find_runtime

MARK = "COURSEKIT_BENCHMARK"
FIRST_JOB = "spark.sparkContext.parallelize(range(1000), 4).map(lambda n: n * n).sum()"

PROCESS = """
from coursekit import GiB, SparkCluster
cluster = SparkCluster(workers=2, cores=1, memory=2 * GiB, name="benchmark")
spark = cluster.session("benchmark")
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
input()
{FIRST_JOB}
print("done", flush=True)
input()
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """One start: wall seconds and CPU seconds until the executors were there, and until the first job had ended."""

    registered_s: float
    registered_cpu_s: float
    done_s: float
    done_cpu_s: float


def main() -> None:
    options = _parse()
    ways = {"process": PROCESS, "local_cluster": LOCAL_CLUSTER}
    starts: dict[str, list[Start]] = {name: [] for name in ways}
    for pair in range(options.pairs):
        for name in sorted(ways, reverse=bool(pair % 2)):  # either goes first as often as the other
            starts[name].append(measure(ways[name], f"{name}-{pair}"))
            if not options.json:
                print(f"  {name} {pair + 1}: {starts[name][-1].registered_s:.1f} s", file=sys.stderr)
    report(starts, as_json=options.json)


def measure(code: str, mark: str) -> Start:
    """Run one start in a Python of its own, and everything that it starts, to its end."""
    with tempfile.TemporaryDirectory() as run:
        environment = {
            **os.environ,
            MARK: mark,
            "COURSEKIT_RUN": run,
            "COURSEKIT_LINGER_S": "0",
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        began = time.perf_counter()
        driver = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code + AFTERWARDS)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert driver.stdin is not None
        registered = _await(driver, "registered", began, mark)
        driver.stdin.write("\n")
        driver.stdin.flush()
        done = _await(driver, "done", began, mark)
        driver.communicate("\n")
        while _marked(mark):
            time.sleep(0.05)
    return Start(registered_s=registered[0], registered_cpu_s=registered[1], done_s=done[0], done_cpu_s=done[1])


def _await(driver: subprocess.Popen[str], word: str, began: float, mark: str) -> tuple[float, float]:
    assert driver.stdout is not None
    line = driver.stdout.readline().strip()
    wall = time.perf_counter() - began
    if line != word:
        raise SystemExit(f"expected {word!r}, got {line!r}: run the start by hand to see why")
    return wall, sum(_cpu_seconds(process) for process in _marked(mark))


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
    figures: dict[str, float | int | str] = {"pairs": len(starts["process"])}
    for field in ("registered_s", "registered_cpu_s", "done_s", "done_cpu_s"):
        for name, measured in starts.items():
            figures[f"{name}_{field}"] = round(statistics.median(getattr(start, field) for start in measured), 2)
        pairs = zip(starts["process"], starts["local_cluster"], strict=True)
        ratio = statistics.median(getattr(ours, field) / getattr(theirs, field) for ours, theirs in pairs)
        figures[f"process_over_local_cluster_{field}"] = round(ratio, 3)
    figures["process_over_local_cluster"] = figures["process_over_local_cluster_registered_s"]
    figures["archive"] = int(find_runtime().archive is not None)
    if as_json:
        print(json.dumps(figures))
        return
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    print(f"\n{figures['pairs']} pairs, medians; {machine}")
    print(f"class-data archive: {'used' if figures['archive'] else 'not built (coursekit cluster warm)'}\n")
    print(f"{'':34}{'process':>10}{'local-cluster':>16}{'ratio':>8}")
    labels = {
        "registered_s": "two executors registered, s",
        "registered_cpu_s": "  CPU seconds until then",
        "done_s": "first job done, s",
        "done_cpu_s": "  CPU seconds until then",
    }
    for field, label in labels.items():
        ours, theirs = figures[f"process_{field}"], figures[f"local_cluster_{field}"]
        print(f"{label:34}{ours:>10}{theirs:>16}{figures[f'process_over_local_cluster_{field}']:>8}")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=5, help="measured pairs (default 5)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
