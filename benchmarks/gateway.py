"""What a class feels when it asks the gateway all at once: 300 bots, on the fake engine, over real HTTP.

Each bot asks for a cluster of two workers, waits until it is ready, asks how to reach it, says that it uses it, looks
at the class's capacity, and stops it. No container and no Spark runs, so the figures are the gateway's own. With
``--workers`` fewer than the bots want, they queue, and nobody may be lost.

Examples
--------
    python benchmarks/gateway.py
    python benchmarks/gateway.py --bots 300 --workers 60 --json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coursekit.cluster import ClusterSpec, GatewayClient
from coursekit.config import GiB

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the Hub that only seems to be there
STEPS = ("cluster", "ready", "access", "touch", "capacity", "stop")
WORKERS = 2


class Bots:
    """A class that asks all at once, and what it took."""

    def __init__(self, url: str, count: int) -> None:
        self.took: dict[str, list[float]] = defaultdict(list)
        self.failures: list[str] = []
        self._url = url
        self._start = threading.Barrier(count)
        self._threads = [threading.Thread(target=self._work, args=(f"bot{number}",)) for number in range(count)]

    def run(self) -> float:
        """Let all ask; give how long the class took, s."""
        started = time.monotonic()
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        return time.monotonic() - started

    def _work(self, name: str) -> None:
        client = GatewayClient(self._url, f"token-{name}", tell=lambda _: None)
        spec = ClusterSpec(workers=WORKERS, memory=GiB)
        self._start.wait()
        try:
            self._time("cluster", lambda: client.apply(spec))
            self._time("ready", lambda: client.wait_ready("default"))
            self._time("access", lambda: client.access("default"))
            self._time("touch", lambda: client.touch("default"))
            self._time("capacity", client.capacity)
            self._time("stop", lambda: client.delete("default"))
        except Exception as error:
            self.failures.append(f"{name}: {error!r}")

    def _time(self, step: str, call: Callable[[], object]) -> None:
        started = time.monotonic()
        call()
        self.took[step].append(time.monotonic() - started)


def main() -> None:
    options = _parse()
    if options.serve:
        serve(options.bots, options.workers)
        return
    command = [sys.executable, __file__, "--serve", "--bots", str(options.bots), "--workers", str(options.workers)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdin is not None
        assert gateway.stdout is not None
        bots = Bots(gateway.stdout.readline().strip(), options.bots)
        class_s = bots.run()
        gateway.stdin.close()
    figures: dict[str, Any] = {"bots": options.bots, "workers": options.workers, "failures": len(bots.failures)}
    figures["seconds_class"] = round(class_s, 2)
    for step in STEPS:
        took = sorted(bots.took[step]) or [float("nan")]
        figures[f"seconds_{step}_median"] = round(statistics.median(took), 3)
        figures[f"seconds_{step}_p95"] = round(took[int(0.95 * (len(took) - 1))], 3)
    if options.json:
        print(json.dumps(figures))
    else:
        show(figures)
    for failure in bots.failures[:10]:
        print(failure, file=sys.stderr)
    sys.exit(bool(bots.failures))


def show(figures: dict[str, Any]) -> None:
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    print(f"\n{figures['bots']} bots at once, {figures['workers']} workers in all, fake engine; {machine}")
    print(f"the whole class: {figures['seconds_class']} s, {figures['failures']} failures\n")
    print(f"{'step, s':12}{'median':>10}{'95th':>10}")
    for step in STEPS:
        print(f"{step:12}{figures[f'seconds_{step}_median']:>10}{figures[f'seconds_{step}_p95']:>10}")


def serve(bots: int, workers: int) -> None:
    """Run the gateway, in a process of its own, until stdin is closed."""
    from gateway_fixtures import FakeHub, running_gateway

    from coursekit.cluster.fakes import seeming_masters
    from coursekit.engine import FakeEngine
    from coursekit.gateway.quotas import Quota, Quotas, Resources
    from coursekit.gateway.settings import GatewaySettings

    def amount(number: int) -> Resources:
        return Resources(cores=number, memory=number * GiB)

    engine, hub = FakeEngine(cores=10**6, memory=10**6 * GiB), FakeHub()
    for number in range(bots):
        hub.student(f"bot{number}")
    settings = GatewaySettings(
        engine="fake",
        quotas=Quotas(default=Quota(guarantee=amount(WORKERS), cap=amount(2 * WORKERS))),
        capacity=amount(workers),
        has_servers=False,
    )
    with seeming_masters(engine), running_gateway(settings, engine, hub=hub) as gateway:
        print(gateway.url, flush=True)
        sys.stdin.read()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--bots", type=int, default=300, help="students (default 300)")
    parser.add_argument("--workers", type=int, default=600, help="workers of the whole class (default 600)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
