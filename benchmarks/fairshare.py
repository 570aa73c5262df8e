"""How long it takes to decide who gets how many workers, for classes of 10 to 10,000 students.

Each student asks for 1 to 10 workers of different sizes where 5 each can run, so that guarantees, lending and waiting
all occur. Beside it, in the same run, the same cores are shared out by filling one worker at a time with a plain search
for the lowest owner, as a textbook has it: that grows with the square of the class, and is measured up to 1,000.

Examples
--------
    python benchmarks/fairshare.py
    python benchmarks/fairshare.py --rounds 20 --json
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import statistics
import time
from collections.abc import Callable

from coursekit.config import GiB
from coursekit.gateway.fairshare import Claim, decide
from coursekit.gateway.quotas import Quota, Quotas, Resources

SIZES = (10, 100, 1_000, 10_000)
TEXTBOOK_MOST = 1_000
QUOTAS = Quotas(
    default=Quota(guarantee=Resources(cores=3, memory=8 * GiB), cap=Resources(cores=16, memory=64 * GiB, gpus=1))
)


def main() -> None:
    options = _parse()
    figures: dict[str, float] = {"rounds": options.rounds}
    for students in SIZES:
        claims, capacity = make_class(students)
        decision = decide(claims, capacity, QUOTAS)
        figures[f"workers_{students}_students"] = sum(decision.targets.values())
        figures[f"waiting_{students}_students"] = len(decision.waiting)
        wall, cpu = timed(functools.partial(decide, claims, capacity, QUOTAS), options.rounds)
        figures |= {f"seconds_{students}_students": wall, f"cpu_seconds_{students}_students": cpu}
        if students <= TEXTBOOK_MOST:
            textbook = functools.partial(fill_as_the_textbook, claims, capacity.cores)
            figures[f"textbook_seconds_{students}_students"] = timed(textbook, min(options.rounds, 3))[0]
    figures["growth_10_to_10000"] = round(figures["seconds_10000_students"] / figures["seconds_10_students"], 1)
    if options.json:
        print(json.dumps(figures))
        return
    print(f"medians of {options.rounds} rounds; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("  students   workers   waiting        ms    CPU ms  CPU us a worker  textbook, ms")
    for students in SIZES:
        workers, waiting, seconds, cpu = (
            figures[f"{name}_{students}_students"] for name in ("workers", "waiting", "seconds", "cpu_seconds")
        )
        textbook = figures.get(f"textbook_seconds_{students}_students")
        print(
            f"{students:>10,}{workers:>10,}{waiting:>10,}{seconds * 1e3:>10.2f}{cpu * 1e3:>10.2f}"
            f"{cpu / workers * 1e6:>17.1f}{f'{textbook * 1e3:.1f}' if textbook else '':>14}"
        )


def make_class(students: int) -> tuple[list[Claim], Resources]:
    """Make claims of so many students, and what there is: room for about 5 workers each."""
    draw = random.Random(students)
    claims = [
        Claim(
            cluster=f"student-{number}/default",
            owner=f"student-{number}",
            wanted=draw.randint(1, 10),
            running=draw.randint(0, 5),
            worker=Resources(cores=draw.choice((1, 2)), memory=draw.choice((1, 2, 4)) * GiB),
            since=draw.uniform(0, 3600),
        )
        for number in range(students)
    ]
    return claims, Resources(cores=7.5 * students, memory=15 * students * GiB)


def fill_as_the_textbook(claims: list[Claim], cores: float) -> dict[str, int]:
    """Give the next worker to the owner with the fewest cores, until nobody's next worker fits."""
    given = {claim.cluster: 0 for claim in claims}
    while open_ := [c for c in claims if given[c.cluster] < c.wanted and c.worker.cores <= cores]:
        lowest = min(open_, key=lambda c: (given[c.cluster] * c.worker.cores, c.since))
        given[lowest.cluster] += 1
        cores -= lowest.worker.cores
    return given


def timed(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Give the medians of the time that something takes and of the CPU time that it uses, s."""
    wall, cpu = [], []
    for _ in range(rounds):
        began, used = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    return round(statistics.median(wall), 6), round(statistics.median(cpu), 6)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="measured rounds of each size (default 9)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
