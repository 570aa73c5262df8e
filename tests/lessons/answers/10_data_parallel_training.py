"""Answers to the exercises of lesson 10: what solves each, and what is typically got wrong."""

# Cells that a check needs besides those of its exercise.
NEEDS = {
    "all-gather": ["setup", "links"],
}

SOLUTIONS = {
    "average": """
def average(gradients, sizes):
    total = sum(sizes)
    return sum(size / total * gradient for gradient, size in zip(gradients, sizes, strict=True) if size)
""",
    "all-gather": """
def all_gather(rank, chunks, right, left):
    p = len(chunks)
    for step in range(p - 1):
        right.send(chunks[(rank + 1 - step) % p])
        chunks[(rank - step) % p][:] = left.receive()
""",
    "ring-time": """
def ring_time(p, size, latency, bandwidth):
    return 2 * (p - 1) * (latency + size / p / bandwidth), p * latency * bandwidth
""",
    "schedule": """
def schedule(step, base_rate, base_batch, batch, warmup):
    scaled = base_rate * batch / base_batch
    share = min(step / warmup, 1) if warmup else 1
    return base_rate + share * (scaled - base_rate)
""",
    "noise-scale": """
def noise_scale(small, large, square_small, square_large):
    scatter = (square_small - square_large) / (1 / small - 1 / large)
    return scatter / (square_small - scatter / small)
""",
}

MISTAKES = {
    "average": [
        # The plain mean.
        "def average(gradients, sizes):\n    return sum(gradients) / len(gradients)",
        # The sum of the weighted gradients, not divided.
        "def average(gradients, sizes):\n    return sum(s * g for g, s in zip(gradients, sizes))",
        # 0 times nan.
        "def average(gradients, sizes):\n    return np.average(gradients, axis=0, weights=sizes)",
        # Changes what it was given.
        """
def average(gradients, sizes):
    total = sum(sizes)
    for gradient, size in zip(gradients, sizes):
        gradient *= size / total
    return sum(g for g, s in zip(gradients, sizes) if s)
""",
    ],
    "all-gather": [
        # Adds, as in the first phase.
        """
def all_gather(rank, chunks, right, left):
    p = len(chunks)
    for step in range(p - 1):
        right.send(chunks[(rank + 1 - step) % p])
        chunks[(rank - step) % p] += left.receive()
""",
        # Puts another array into the list, and leaves the rank's own array as it was.
        """
def all_gather(rank, chunks, right, left):
    p = len(chunks)
    for step in range(p - 1):
        right.send(chunks[(rank + 1 - step) % p])
        chunks[(rank - step) % p] = left.receive()
""",
        # Begins with a chunk that is not complete.
        """
def all_gather(rank, chunks, right, left):
    p = len(chunks)
    for step in range(p - 1):
        right.send(chunks[(rank - step) % p])
        chunks[(rank - step - 1) % p][:] = left.receive()
""",
        # Goes round once too often.
        """
def all_gather(rank, chunks, right, left):
    p = len(chunks)
    for step in range(p):
        right.send(chunks[(rank + 1 - step) % p])
        chunks[(rank - step) % p][:] = left.receive()
""",
    ],
    "ring-time": [
        # The whole array in each step.
        "def ring_time(p, size, latency, bandwidth):\n"
        "    return 2 * (p - 1) * (latency + size / bandwidth), latency * bandwidth",
        # One phase of two.
        "def ring_time(p, size, latency, bandwidth):\n"
        "    return (p - 1) * (latency + size / p / bandwidth), p * latency * bandwidth",
        # The size of a chunk, in place of the array's.
        "def ring_time(p, size, latency, bandwidth):\n"
        "    return 2 * (p - 1) * (latency + size / p / bandwidth), latency * bandwidth",
        # Latency once, and not for each step.
        "def ring_time(p, size, latency, bandwidth):\n"
        "    return latency + 2 * (p - 1) * size / p / bandwidth, p * latency * bandwidth",
    ],
    "schedule": [
        # No warm-up.
        "def schedule(step, base_rate, base_batch, batch, warmup):\n    return base_rate * batch / base_batch",
        # From 0 in place of the base rate.
        """
def schedule(step, base_rate, base_batch, batch, warmup):
    return base_rate * batch / base_batch * (min(step / warmup, 1) if warmup else 1)
""",
        # Goes on rising.
        """
def schedule(step, base_rate, base_batch, batch, warmup):
    return base_rate + (base_rate * batch / base_batch - base_rate) * step / max(warmup, 1)
""",
        # The square root of the batches' ratio.
        """
def schedule(step, base_rate, base_batch, batch, warmup):
    scaled = base_rate * (batch / base_batch) ** 0.5
    return base_rate + (min(step / warmup, 1) if warmup else 1) * (scaled - base_rate)
""",
    ],
    "noise-scale": [
        # The ratio of the two lengths.
        "def noise_scale(small, large, square_small, square_large):\n    return square_small / square_large",
        # Takes the large batch for all rows.
        "def noise_scale(small, large, square_small, square_large):\n"
        "    return (square_small - square_large) * small / square_large",
        # The scatter alone.
        "def noise_scale(small, large, square_small, square_large):\n"
        "    return (square_small - square_large) / (1 / small - 1 / large)",
        # Upside down.
        """
def noise_scale(small, large, square_small, square_large):
    scatter = (square_small - square_large) / (1 / small - 1 / large)
    return (square_small - scatter / small) / scatter
""",
    ],
}
