"""Answers to the exercises of lesson 09: what solves each, and what is typically got wrong."""

# Cells that a check needs besides those of its exercise.
NEEDS = {
    "stopwatch": ["setup"],
    "intensity": ["setup"],
    "knee": ["setup"],
    "whole": ["setup"],
    "scale": ["setup"],
}

SOLUTIONS = {
    "stopwatch": """
def seconds_of(launch, wait, repeats):
    wait(launch())
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        wait(launch())
        times.append(time.perf_counter() - begin)
    return statistics.median(times)
""",
    "intensity": """
def intensity(m, k, n, bytes_per_number):
    return 2 * m * k * n / (bytes_per_number * (m * k + k * n + m * n))
""",
    "knee": """
def knee(batch_sizes, seconds):
    slope, fixed = np.polyfit(batch_sizes, seconds, 1)
    return fixed / slope
""",
    "whole": """
def job_speedup(loading, computing, factor, prefetch):
    together = max if prefetch else lambda a, b: a + b
    return together(loading, computing) / together(loading, computing / factor)
""",
    "scale": """
def loss_scale(gradients):
    return 2.0 ** np.floor(np.log2(65504 / np.abs(gradients).max()))
""",
}

MISTAKES = {
    "stopwatch": [
        # Times the launches.
        """
def seconds_of(launch, wait, repeats):
    wait(launch())
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        promise = launch()
        times.append(time.perf_counter() - begin)
        wait(promise)
    return statistics.median(times)
""",
        # No warm-up.
        """
def seconds_of(launch, wait, repeats):
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        wait(launch())
        times.append(time.perf_counter() - begin)
    return statistics.median(times)
""",
        # The mean, which one disturbed repeat spoils.
        """
def seconds_of(launch, wait, repeats):
    wait(launch())
    begin = time.perf_counter()
    for _ in range(repeats):
        wait(launch())
    return (time.perf_counter() - begin) / repeats
""",
        # The warm-up is launched and not waited for, so the first repeat waits for it.
        """
def seconds_of(launch, wait, repeats):
    launch()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        wait(launch())
        times.append(time.perf_counter() - begin)
    return statistics.mean(times)
""",
    ],
    "intensity": [
        # Multiplications only.
        """
def intensity(m, k, n, bytes_per_number):
    return m * k * n / (bytes_per_number * (m * k + k * n + m * n))
""",
        # The result is not counted.
        "def intensity(m, k, n, bytes_per_number):\n    return 2 * m * k * n / (bytes_per_number * (m * k + k * n))",
        # Numbers in place of bytes.
        "def intensity(m, k, n, bytes_per_number):\n    return 2 * m * k * n / (m * k + k * n + m * n)",
        # Square matrices only.
        "def intensity(m, k, n, bytes_per_number):\n    return 2 * n / (3 * bytes_per_number)",
    ],
    "knee": [
        # Upside down.
        """
def knee(batch_sizes, seconds):
    slope, fixed = np.polyfit(batch_sizes, seconds, 1)
    return slope / fixed
""",
        # The fixed cost alone.
        "def knee(batch_sizes, seconds):\n    return np.polyfit(batch_sizes, seconds, 1)[1]",
        # Two of the points only.
        """
def knee(batch_sizes, seconds):
    slope = (seconds[1] - seconds[0]) / (batch_sizes[1] - batch_sizes[0])
    return (seconds[0] - slope * batch_sizes[0]) / slope
""",
        # Half of the largest rate that was measured, in place of the model's.
        """
def knee(batch_sizes, seconds):
    rates = batch_sizes / seconds
    return batch_sizes[np.argmax(rates >= rates.max() / 2)]
""",
    ],
    "whole": [
        # The ideal.
        "def job_speedup(loading, computing, factor, prefetch):\n    return factor",
        # Prefetching is forgotten.
        """
def job_speedup(loading, computing, factor, prefetch):
    return (loading + computing) / (loading + computing / factor)
""",
        # Prefetching only after.
        """
def job_speedup(loading, computing, factor, prefetch):
    after = max(loading, computing / factor) if prefetch else loading + computing / factor
    return (loading + computing) / after
""",
        # Loading gets faster too.
        """
def job_speedup(loading, computing, factor, prefetch):
    return max(loading, computing) / max(loading / factor, computing / factor) if prefetch else factor
""",
    ],
    "scale": [
        # No power of two.
        "def loss_scale(gradients):\n    return 65504 / np.abs(gradients).max()",
        # Rounds up.
        "def loss_scale(gradients):\n    return 2.0 ** np.ceil(np.log2(65504 / np.abs(gradients).max()))",
        # The sign is taken for the size.
        "def loss_scale(gradients):\n    return 2.0 ** np.floor(np.log2(65504 / gradients.max()))",
        # Never below 1.
        "def loss_scale(gradients):\n    return max(1.0, 2.0 ** np.floor(np.log2(65504 / np.abs(gradients).max())))",
        # So that the smallest becomes a normal number.
        """
def loss_scale(gradients):
    sizes = np.abs(gradients)
    return 2.0 ** np.ceil(np.log2(2.0**-14 / sizes[sizes > 0].min()))
""",
    ],
}
