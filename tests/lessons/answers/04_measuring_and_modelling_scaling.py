"""Answers to the exercises of lesson 04: each solution passes its check, each mistake fails it."""

from __future__ import annotations

SOLUTIONS = {
    "most-workers": """
import math


def most_workers(serial, efficiency):
    return math.floor(1 + (1 / efficiency - 1) / serial + 1e-9)
""",
    "karp-flatt": """
def karp_flatt(seconds):
    shares = {}
    for p, value in seconds.items():
        if p > 1:
            shares[p] = (value / seconds[1] - 1 / p) / (1 - 1 / p)
    return shares
""",
    "cost": """
def cost(single, seconds):
    return min((p for p, value in seconds.items() if value < single), default=None)
""",
    "amdahl-share": """
def amdahl_share(scaled_share, workers):
    return scaled_share / (scaled_share + (1 - scaled_share) * workers)
""",
    "best-workers": """
import math


def best_workers(contention, coherence):
    if coherence <= 0:
        return None

    def seconds(p):
        return (1 + contention * (p - 1) + coherence * p * (p - 1)) / p

    below = max(1, math.floor(math.sqrt((1 - contention) / coherence)))
    return min((below, below + 1), key=seconds)
""",
}

MISTAKES = {
    "most-workers": [
        # The number at which the speed-up, not the efficiency, is half of its limit.
        "def most_workers(serial, efficiency):\n    return int(efficiency / serial)\n",
        # One worker too few.
        "def most_workers(serial, efficiency):\n    return int((1 / efficiency - 1) / serial)\n",
        # Rounded to the nearest, so that the efficiency may be missed.
        "def most_workers(serial, efficiency):\n    return round(1 + (1 / efficiency - 1) / serial)\n",
        # Not a whole number.
        "def most_workers(serial, efficiency):\n    return 1 + (1 / efficiency - 1) / serial\n",
    ],
    "karp-flatt": [
        # The speed-up upside down.
        "def karp_flatt(seconds):\n"
        "    return {p: (seconds[1] / t - 1 / p) / (1 - 1 / p) for p, t in seconds.items() if p > 1}\n",
        # Negative shares cut off.
        "def karp_flatt(seconds):\n"
        "    return {p: max(0, (t / seconds[1] - 1 / p) / (1 - 1 / p)) for p, t in seconds.items() if p > 1}\n",
        # The denominator forgotten.
        "def karp_flatt(seconds):\n    return {p: t / seconds[1] - 1 / p for p, t in seconds.items() if p > 1}\n",
        # One worker not left out.
        "def karp_flatt(seconds):\n"
        "    return {p: (t / seconds[1] - 1 / p) / (1 - 1 / p) for p, t in seconds.items()}\n",
    ],
    "cost": [
        # The fastest configuration, not the smallest that is fast enough.
        "def cost(single, seconds):\n    return min(seconds, key=seconds.get)\n",
        # Just as fast counted as faster.
        "def cost(single, seconds):\n    return min((p for p, t in seconds.items() if t <= single), default=None)\n",
        # No answer where there is none.
        "def cost(single, seconds):\n    return min(p for p, t in seconds.items() if t < single)\n",
        # The first of the dictionary in place of the smallest.
        "def cost(single, seconds):\n    return next((p for p, t in seconds.items() if t < single), None)\n",
    ],
    "amdahl-share": [
        # Both shares taken for the same.
        "def amdahl_share(scaled_share, workers):\n    return scaled_share\n",
        # The serial part multiplied in place of the parallel one.
        "def amdahl_share(scaled_share, workers):\n"
        "    return scaled_share * workers / (scaled_share * workers + 1 - scaled_share)\n",
        # The seconds of the serial part, not their share.
        "def amdahl_share(scaled_share, workers):\n    return scaled_share / workers\n",
    ],
    "best-workers": [
        # Rounded, which is not always the better of the two neighbours.
        "def best_workers(contention, coherence):\n"
        "    return round(((1 - contention) / coherence) ** 0.5) if coherence > 0 else None\n",
        # Not a whole number.
        "def best_workers(contention, coherence):\n"
        "    return ((1 - contention) / coherence) ** 0.5 if coherence > 0 else None\n",
        # Contention forgotten.
        "def best_workers(contention, coherence):\n"
        "    return max(1, int((1 / coherence) ** 0.5)) if coherence > 0 else None\n",
        # No coherence not thought of.
        "def best_workers(contention, coherence):\n    return max(1, int(((1 - contention) / coherence) ** 0.5))\n",
    ],
}

# Cells that a check needs besides the exercise's own.
NEEDS = {exercise: ["setup"] for exercise in SOLUTIONS}
