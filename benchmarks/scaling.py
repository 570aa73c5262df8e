"""What it costs to scale a cluster under a running job, from 2 to 4 to 1 workers.

The same job (80 tasks that sleep, then a shuffle) runs on 2 workers that stay and on a cluster that is scaled, in pairs
and in one run. Tasks sleep, so that the figure is about scaling and not about the cores of this machine.

Examples
--------
    python benchmarks/scaling.py
    python benchmarks/scaling.py --engine docker --pairs 5 --json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
from typing import Any

from coursekit import GiB, SparkCluster
from coursekit.cluster import LocalProvisioner
from coursekit.engine import open_engine

TASKS = 80


def main() -> None:
    options = _parse()
    provisioner = LocalProvisioner(open_engine(options.engine))
    steady, scaled, up, down = [], [], [], []
    with SparkCluster(workers=2, memory=GiB, name="benchmark-scaling", provisioner=provisioner) as cluster:
        spark = cluster.session("scaling")
        spark.sparkContext.parallelize(range(8), 8).map(abs).collect()  # warm-up, not counted
        for _ in range(options.pairs):
            steady.append(time_job(spark))
            took, grew, shrank = time_scaled_job(cluster, spark)
            scaled.append(took)
            up.append(grew)
            down.append(shrank)
            cluster.scale(2)
        failed = sum(stage["numFailedTasks"] for stage in _stages(spark))
    figures = {
        "engine": options.engine,
        "pairs": options.pairs,
        "steady_s": round(statistics.median(steady), 2),
        "scaled_s": round(statistics.median(scaled), 2),
        "scaled_over_steady": round(statistics.median(b / a for a, b in zip(steady, scaled, strict=True)), 3),
        "up_2_to_4_s": round(statistics.median(up), 2),
        "down_4_to_1_s": round(statistics.median(down), 2),
        "failed_tasks": failed,
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{options.pairs} pairs, medians; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name, value in figures.items():
        print(f"  {name:22}{value}")


def time_job(spark: Any) -> float:
    """Run the job, and check its result; seconds."""

    def slow(row: int) -> tuple[int, int]:
        time.sleep(0.25)
        return row % 3, row

    began = time.perf_counter()
    pairs = spark.sparkContext.parallelize(range(TASKS), TASKS).map(slow)
    result = dict(pairs.reduceByKey(lambda a, b: a + b, 6).collect())
    assert result == {rest: sum(range(rest, TASKS, 3)) for rest in range(3)}
    return time.perf_counter() - began


def time_scaled_job(cluster: SparkCluster, spark: Any) -> tuple[float, float, float]:
    """Run the job while the cluster is scaled to 4 and to 1; seconds of the job, of growing, of shrinking."""
    took: list[float] = []
    job = threading.Thread(target=lambda: took.append(time_job(spark)))
    job.start()
    _until_finished(spark, 4)
    began = time.perf_counter()
    cluster.scale(4)
    grown = time.perf_counter()
    _until_finished(spark, TASKS // 2)
    shrinking = time.perf_counter()
    cluster.scale(1)
    shrunk = time.perf_counter()
    job.join()
    return took[0], grown - began, shrunk - shrinking


def _until_finished(spark: Any, tasks: int) -> None:
    """Wait until the running stage has finished so many tasks, or the job is over."""
    tracker = spark.sparkContext.statusTracker()
    while stages := tracker.getActiveStageIds():
        info = [tracker.getStageInfo(stage) for stage in stages]
        if any(one.numTasks < TASKS or one.numCompletedTasks >= tasks for one in info if one):
            return
        time.sleep(0.05)


def _stages(spark: Any) -> list[dict[str, Any]]:
    from urllib.request import urlopen

    context = spark.sparkContext
    with urlopen(f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/stages") as answer:
        stages: list[dict[str, Any]] = json.load(answer)
        return stages


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--engine", default="process", choices=("process", "docker"), help="what runs the workers")
    parser.add_argument("--pairs", type=int, default=3, help="measured pairs (default 3)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
