"""Answers to the exercises of lesson 14: what solves each, and what is typically got wrong."""

SOLUTIONS = {
    "bill": """
def bill(reservations):
    hours = sum(cores * (end - begin) for cores, begin, end in reservations) / 3600
    moments = [begin for _, begin, _ in reservations]
    return hours, max(sum(c for c, begin, end in reservations if begin <= now < end) for now in moments)
""",
    "faults": """
def faults(frame, wanted):
    found = set()
    for name in wanted:
        if name not in frame or not np.isfinite(frame[name]).all() or frame[name].nunique() < 2:
            found.add(name)
    if "label" in frame and not frame["label"].isin([0, 1]).all():
        found.add("label")
    return sorted(found)
""",
    "paired": """
def paired_error(labels, one, other, resamples, rng):
    differences = []
    for _ in range(resamples):
        drawn = rng.integers(len(labels), size=len(labels))
        differences.append(auc(labels[drawn], one[drawn]).value - auc(labels[drawn], other[drawn]).value)
    return np.std(differences, ddof=1)
""",
    "energy": """
def energy_kwh(hours, power, pue):
    return pue * sum(amount * power[kind] for kind, amount in hours.items()) / 1000
""",
    "thousandth": """
def thousandth(extra_cost, gain, error):
    def price(value):
        return extra_cost / (1000 * value) if value > 0 else math.inf

    return price(gain), price(gain + 1.96 * error)
""",
}

MISTAKES = {
    "bill": [
        # Core-seconds.
        """
def bill(reservations):
    return sum(c * (end - begin) for c, begin, end in reservations), max(c for c, _, _ in reservations)
""",
        # The largest single reservation is not the peak.
        """
def bill(reservations):
    return sum(c * (end - begin) for c, begin, end in reservations) / 3600, max(c for c, _, _ in reservations)
""",
        # All cores together are not the peak either.
        """
def bill(reservations):
    return sum(c * (end - begin) for c, begin, end in reservations) / 3600, sum(c for c, _, _ in reservations)
""",
        # A reservation that has just ended counts as well.
        """
def bill(reservations):
    hours = sum(c * (end - begin) for c, begin, end in reservations) / 3600
    return hours, max(sum(c for c, b, e in reservations if b <= now <= e) for _, now, _ in reservations)
""",
    ],
    "faults": [
        # Looks for nan only.
        """
def faults(frame, wanted):
    bad = {n for n in wanted if n not in frame or frame[n].isna().any() or frame[n].nunique() < 2}
    return sorted(bad | ({"label"} if "label" in frame and not frame["label"].isin([0, 1]).all() else set()))
""",
        # Forgets the label.
        """
def faults(frame, wanted):
    return sorted(n for n in wanted if n not in frame or not np.isfinite(frame[n]).all() or frame[n].nunique() < 2)
""",
        # Stops at a missing column.
        """
def faults(frame, wanted):
    return sorted(n for n in wanted if not np.isfinite(frame[n]).all() or frame[n].nunique() < 2)
""",
        # Looks at all columns in place of those that are wanted.
        """
def faults(frame, wanted):
    missing = [n for n in wanted if n not in frame]
    bad = [n for n in frame if not np.isfinite(frame[n]).all() or frame[n].nunique() < 2]
    label = ["label"] if "label" in frame and not frame["label"].isin([0, 1]).all() else []
    return sorted({*missing, *bad, *label})
""",
    ],
    "paired": [
        # Draws other events for the second model.
        """
def paired_error(labels, one, other, resamples, rng):
    differences = []
    for _ in range(resamples):
        a, b = (rng.integers(len(labels), size=len(labels)) for _ in range(2))
        differences.append(auc(labels[a], one[a]).value - auc(labels[b], other[b]).value)
    return np.std(differences, ddof=1)
""",
        # In quadrature.
        "def paired_error(labels, one, other, resamples, rng):\n"
        "    return np.hypot(auc(labels, one).error, auc(labels, other).error)",
        # The error of the mean of the differences.
        """
def paired_error(labels, one, other, resamples, rng):
    differences = []
    for _ in range(resamples):
        drawn = rng.integers(len(labels), size=len(labels))
        differences.append(auc(labels[drawn], one[drawn]).value - auc(labels[drawn], other[drawn]).value)
    return np.std(differences, ddof=1) / resamples**0.5
""",
        # Without replacement: every drawing holds all events.
        """
def paired_error(labels, one, other, resamples, rng):
    differences = []
    for _ in range(resamples):
        drawn = rng.permutation(len(labels))
        differences.append(auc(labels[drawn], one[drawn]).value - auc(labels[drawn], other[drawn]).value)
    return np.std(differences, ddof=1)
""",
        # A generator of its own.
        """
def paired_error(labels, one, other, resamples, rng):
    rng, differences = np.random.default_rng(0), []
    for _ in range(resamples):
        drawn = rng.integers(len(labels), size=len(labels))
        differences.append(auc(labels[drawn], one[drawn]).value - auc(labels[drawn], other[drawn]).value)
    return np.std(differences, ddof=1)
""",
    ],
    "energy": [
        # Watt-hours.
        "def energy_kwh(hours, power, pue):\n    return pue * sum(hours[k] * power[k] for k in hours)",
        # Divided by the PUE.
        "def energy_kwh(hours, power, pue):\n    return sum(hours[k] * power[k] for k in hours) / pue / 1000",
        # The overhead on top: 1 + PUE.
        "def energy_kwh(hours, power, pue):\n    return (1 + pue) * sum(hours[k] * power[k] for k in hours) / 1000",
        # Expects every kind in both.
        "def energy_kwh(hours, power, pue):\n    return pue * sum(hours[k] * power[k] for k in power) / 1000",
        # Hours taken for seconds.
        "def energy_kwh(hours, power, pue):\n    return pue * sum(hours[k] * power[k] for k in hours) / 3.6e6",
    ],
    "thousandth": [
        # For a whole unit of AUC.
        "def thousandth(extra_cost, gain, error):\n    return extra_cost / gain, extra_cost / (gain + 1.96 * error)",
        # No gain gives a negative price.
        """
def thousandth(extra_cost, gain, error):
    return extra_cost / (1000 * gain), extra_cost / (1000 * (gain + 1.96 * error))
""",
        # The largest price in place of the least.
        """
def thousandth(extra_cost, gain, error):
    prices = [extra_cost / (1000 * g) if g > 0 else math.inf for g in (gain, gain - 1.96 * error)]
    return tuple(prices)
""",
        # One standard error.
        """
def thousandth(extra_cost, gain, error):
    prices = [extra_cost / (1000 * g) if g > 0 else math.inf for g in (gain, gain + error)]
    return tuple(prices)
""",
        # Whoever gains nothing pays nothing.
        """
def thousandth(extra_cost, gain, error):
    prices = [extra_cost / (1000 * g) if g > 0 else 0.0 for g in (gain, gain + 1.96 * error)]
    return tuple(prices)
""",
    ],
}
