"""What showing the progress of a job costs the job, and why Spark's status store is not asked over HTTP.

Runs a job of 5,000 small tasks in a notebook's kernel with and without its progress shown, in pairs and in one run, on
Spark's local mode: the driver, which has to answer, then has the same cores as the tasks, which is the worst case.
And asks a fresh driver for one job, first over its REST interface, then, in another driver, over Py4J.

Examples
--------
    python benchmarks/progress.py
    python benchmarks/progress.py --tasks 5000 --pairs 3 --json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from typing import Any

from jupyter_client.manager import KernelManager

START = """
import http.client, json, os, statistics, time
from urllib.parse import urlsplit
import psutil
from coursekit import SparkCluster
get_ipython().run_line_magic("load_ext", "coursekit")
cluster = SparkCluster(workers=0, cores=2, name="benchmark")
spark = cluster.session("benchmark")
sc = spark.sparkContext

def cpu_s():
    driver = psutil.Process(sc._gateway.proc.pid)
    java = [one.cpu_times() for one in (driver, *driver.children(recursive=True)) if "java" in one.name()]
    return sum(one.user + one.system for one in java)

def measured(call):
    began, cpu = time.perf_counter(), cpu_s()
    call()
    return {"s": time.perf_counter() - began, "cpu_s": cpu_s() - cpu}

def first_and_next(call):
    first = measured(call)
    return {"first": first, "next_s": statistics.median(measured(call)["s"] for _ in range(20))}

def over_http():
    address = urlsplit(sc.uiWebUrl)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    connection.request("GET", f"/api/v1/applications/{sc.applicationId}/jobs/0")
    assert json.loads(connection.getresponse().read())["jobId"] == 0
    connection.close()

def over_py4j():
    mapper = sc._jvm.org.apache.spark.status.api.v1.JacksonMessageWriter().mapper()
    assert json.loads(mapper.writeValueAsString(sc._jsc.sc().statusStore().job(0)))["jobId"] == 0

spark.range(1000, numPartitions=8).count()
time.sleep(1)
"""
JOB = "spark.range({tasks}, numPartitions={tasks}).selectExpr('sum(id)').collect()"


class Kernel:
    """A notebook's kernel with a driver in it; counts what it shows."""

    def __init__(self) -> None:
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel()
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=120)
        self.displays = 0
        self.run(START)

    def run(self, code: str) -> str:
        """Run a cell and give what it printed."""
        printed: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            kind, content = message["header"]["msg_type"], message["content"]
            self.displays += kind in ("display_data", "update_display_data")
            if kind == "stream":
                printed.append(content["text"])

        reply = self._client.execute_interactive(code, output_hook=hear, timeout=600)["content"]
        if reply["status"] != "ok":
            raise SystemExit("\n".join(reply["traceback"]))
        return "".join(printed)

    def measure(self, code: str) -> dict[str, float]:
        """Run a job as a cell of its own and give its wall and its driver's CPU seconds."""
        return dict(json.loads(self.run(f"print(json.dumps(measured(lambda: {code})))")))

    def close(self) -> None:
        """Stop the driver and the kernel."""
        self.run("cluster.close()")
        self._client.stop_channels()
        self._manager.shutdown_kernel()


def compare(pairs: int, tasks: int, *, quiet: bool) -> dict[str, Any]:
    """Run the job in turns with its progress shown and not shown."""
    kernel = Kernel()
    taken: dict[str, list[dict[str, float]]] = {"0": [], "1": []}
    job = JOB.format(tasks=tasks)
    kernel.run("%env COURSEKIT_PROGRESS=0")
    kernel.measure(job)  # compiles what both will use
    kernel.displays = 0
    for pair in range(pairs):
        for shown in sorted(taken, reverse=bool(pair % 2)):  # either goes first as often as the other
            kernel.run(f"%env COURSEKIT_PROGRESS={shown}")
            taken[shown].append(kernel.measure(job))
            if not quiet:
                print(f"  {'shown' if shown == '1' else 'off  '} {taken[shown][-1]['s']:.1f} s", file=sys.stderr)
    displays = kernel.displays
    kernel.close()
    figures: dict[str, Any] = {"pairs": pairs, "tasks": tasks, "updates_per_job": round(displays / pairs, 1)}
    for field in ("s", "cpu_s"):
        for shown, name in (("0", "off"), ("1", "shown")):
            figures[f"{name}_{field}"] = round(statistics.median(one[field] for one in taken[shown]), 2)
        ratios = [on[field] / off[field] for on, off in zip(taken["1"], taken["0"], strict=True)]
        figures[f"shown_over_off_{field}"] = round(statistics.median(ratios), 3)
    return figures


def ask() -> dict[str, float]:
    """Ask a fresh driver for one job, either way."""
    figures = {}
    for way in ("http", "py4j"):
        kernel = Kernel()
        answer = json.loads(kernel.run(f"print(json.dumps(first_and_next(over_{way})))"))
        kernel.close()
        figures[f"{way}_first_ms"] = round(1000 * answer["first"]["s"], 1)
        figures[f"{way}_first_cpu_ms"] = round(1000 * answer["first"]["cpu_s"], 1)
        figures[f"{way}_next_ms"] = round(1000 * answer["next_s"], 1)
    figures["py4j_over_http_first"] = round(figures["py4j_first_ms"] / figures["http_first_ms"], 3)
    figures["py4j_over_http_next"] = round(figures["py4j_next_ms"] / figures["http_next_ms"], 3)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=5, help="measured pairs (default 5)")
    parser.add_argument("--tasks", type=int, default=5000, help="tasks of the job (default 5000)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    figures = {**ask(), **compare(options.pairs, options.tasks, quiet=options.json)}
    if options.json:
        print(json.dumps(figures))
        return
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    print(f"\n{options.pairs} pairs of a job of {options.tasks:,} tasks, medians; {machine}")
    print(f"{figures['updates_per_job']} updates a job\n")
    print(f"{'':34}{'shown':>10}{'off':>10}{'ratio':>8}")
    for field, label in (("s", "job, s"), ("cpu_s", "  CPU seconds of the driver")):
        ratio = figures[f"shown_over_off_{field}"]
        print(f"{label:34}{figures[f'shown_{field}']:>10}{figures[f'off_{field}']:>10}{ratio:>8}")
    print(f"\n{'asking the driver for a job, ms':34}{'Py4J':>10}{'REST':>10}")
    for field, label in (("first_ms", "first time"), ("first_cpu_ms", "  CPU of it"), ("next_ms", "later")):
        print(f"{label:34}{figures[f'py4j_{field}']:>10}{figures[f'http_{field}']:>10}")


if __name__ == "__main__":
    main()
