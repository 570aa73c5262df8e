"""Answers to the exercises of lesson 13: what solves each, and what is typically got wrong."""

# Cells that a check needs besides those of its exercise.
NEEDS = {"watermarks": ["setup"], "sink": ["setup"], "steady": ["setup"], "psi": ["setup"]}

SOLUTIONS = {
    "watermarks": """
def watermarks(latest, delay):
    found, most = [], None
    for value in latest:
        found.append(None if most is None else most - delay)
        most = value if most is None else max(most, value)
    return found
""",
    "sink": """
class Sink:
    def __init__(self):
        self.rows = []
        self.last = -1

    def write(self, rows, number):
        if number > self.last:
            self.rows.extend(rows)
            self.last = number
""",
    "steady": """
def steady_seconds(fixed, per_row, rate):
    share = rate * per_row
    return fixed / (1 - share) if share < 1 else math.inf
""",
    "psi": """
def psi(reference, now, bins=10):
    edges = np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1])
    shares = []
    for sample in (reference, now):
        counts = np.bincount(np.searchsorted(edges, sample), minlength=bins)
        shares.append(np.maximum(counts / len(sample), 1e-4))
    expected, actual = shares
    return float(np.sum((actual - expected) * np.log(actual / expected)))
""",
}

MISTAKES = {
    "watermarks": [
        # the watermark moves within the micro-batch
        """
def watermarks(latest, delay):
    return [max(latest[: k + 1]) - delay for k in range(len(latest))]
""",
        # it goes back
        """
def watermarks(latest, delay):
    return [None if k == 0 else latest[k - 1] - delay for k in range(len(latest))]
""",
    ],
    "sink": [
        # adds whatever comes
        """
class Sink:
    def __init__(self):
        self.rows = []

    def write(self, rows, number):
        self.rows.extend(rows)
""",
        # micro-batch 0 counts as written before anything was
        """
class Sink:
    def __init__(self):
        self.rows = []
        self.last = 0

    def write(self, rows, number):
        if number > self.last:
            self.rows.extend(rows)
            self.last = number
""",
        # compares rows in place of numbers
        """
class Sink:
    def __init__(self):
        self.rows = []
        self.last = None

    def write(self, rows, number):
        if rows != self.last:
            self.rows.extend(rows)
            self.last = rows
""",
    ],
    "steady": [
        # one step in place of the steady state
        """
def steady_seconds(fixed, per_row, rate):
    return fixed + rate * per_row
""",
        # a negative time where there is no steady state
        """
def steady_seconds(fixed, per_row, rate):
    return fixed / (1 - rate * per_row) if rate * per_row != 1 else math.inf
""",
    ],
    "psi": [
        # bins end where the reference does: what lies beyond is lost
        """
def psi(reference, now, bins=10):
    edges = np.quantile(reference, np.linspace(0, 1, bins + 1))
    expected, actual = (np.maximum(np.histogram(x, edges)[0] / len(x), 1e-4) for x in (reference, now))
    actual = actual / actual.sum()
    return float(np.sum((actual - expected) * np.log(actual / expected)))
""",
        # half of it: the Kullback-Leibler divergence
        """
def psi(reference, now, bins=10):
    edges = np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1])
    expected, actual = (
        np.maximum(np.bincount(np.searchsorted(edges, x), minlength=bins) / len(x), 1e-4) for x in (reference, now)
    )
    return float(np.sum(actual * np.log(actual / expected)))
""",
    ],
}
