"""Lesson 01: solutions of its exercises, and what students typically write in their place."""

# Its exercises and their checks share a cell; an answer replaces what stands before the check.
CELLS = {
    "waves": "exercise-waves-answer",
    "host": "exercise-host-answer",
    "lost": "exercise-lost-answer",
    "memory": "exercise-memory-answer",
}

# The check of the busiest host reads the file alone, so Spark is not needed for it.
PREPARE = {"host": "path = dataset('weblogs', rows=2_000, seed=1)"}

SOLUTIONS = {
    "waves": """
def waves(tasks, slots):
    return -(-tasks // slots)
""",
    "host": """
from collections import Counter

with Path(path).open() as file:
    busiest_host = Counter(line.split(" ", 1)[0] for line in file).most_common(1)[0][0]
""",
    "lost": """
def lost_seconds(attempts):
    lost = ("finished, then lost", "killed while running")
    return sum(attempt["end"] - attempt["start"] for attempt in attempts if attempt["kind"] in lost)
""",
    "memory": """
def node_memory(heap):
    return 256 * MiB + heap * 3 // 2
""",
}

MISTAKES = {
    "waves": [
        """
def waves(tasks, slots):
    return tasks // slots  # the last, incomplete wave is forgotten
""",
        """
def waves(tasks, slots):
    return tasks / slots  # tasks are not divided
""",
        """
def waves(tasks, slots):
    return tasks // slots + 1  # one too many where all slots are busy in the last wave
""",
    ],
    "host": [
        """
with Path(path).open() as file:
    busiest_host = file.readline().split(" ", 1)[0]  # the first line's
""",
        """
from collections import Counter

with Path(path).open() as file:
    busiest_host = Counter(line.split(" ", 1)[0] for line in file).most_common(1)[0]  # with its count
""",
        """
with Path(path).open() as file:
    busiest_host = max(line.split(" ", 1)[0] for line in file)  # the last in the alphabet
""",
    ],
    "lost": [
        """
def lost_seconds(attempts):
    return sum(attempt["end"] - attempt["start"] for attempt in attempts)
""",
        """
def lost_seconds(attempts):
    return sum(attempt["end"] - attempt["start"] for attempt in attempts if attempt["kind"] == "killed while running")
""",
        """
def lost_seconds(attempts):
    return sum(attempt["end"] - attempt["start"] for attempt in attempts if attempt["kind"] == "computed again")
""",
    ],
    "memory": [
        """
def node_memory(heap):
    return heap  # the rest of the node needs memory too
""",
        """
def node_memory(heap):
    return heap * 3 // 2  # the worker's own JVM is forgotten
""",
        """
def node_memory(heap):
    return 4 * heap  # far too much
""",
    ],
}
