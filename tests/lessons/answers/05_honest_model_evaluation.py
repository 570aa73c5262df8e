"""Answers to the exercises of lesson 05: each solution passes its check, each mistake fails it."""

from __future__ import annotations

SOLUTIONS = {
    "pairs": """
def auc_of_pairs(labels, scores):
    signal, background = scores[labels == 1], scores[labels == 0]
    above = signal[:, None] > background[None, :]
    equal = signal[:, None] == background[None, :]
    return (above + 0.5 * equal).mean()
""",
    "events-needed": """
def events_needed(area, error):
    low, high = 0, 1
    while auc_error(area, high, high) > error:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if auc_error(area, middle, middle) <= error:
            high = middle
        else:
            low = middle
    return high
""",
    "honest-pipeline": """
def honest_pipeline(k):
    return make_pipeline(StandardScaler(), SelectKBest(k=k), LogisticRegression())
""",
    "group-split": """
def group_split(groups, share, rng):
    names = np.unique(groups)
    held = rng.choice(names, size=round(share * len(names)), replace=False)
    return np.isin(groups, held)
""",
    "asimov": """
def asimov(s, b):
    return np.sqrt(2 * ((s + b) * np.log1p(s / b) - s))
""",
}

MISTAKES = {
    "pairs": [
        # Equal scores not counted.
        "def auc_of_pairs(labels, scores):\n"
        "    return (scores[labels == 1][:, None] > scores[labels == 0][None, :]).mean()\n",
        # Equal scores counted in full.
        "def auc_of_pairs(labels, scores):\n"
        "    return (scores[labels == 1][:, None] >= scores[labels == 0][None, :]).mean()\n",
        # Background above signal.
        "def auc_of_pairs(labels, scores):\n"
        "    s, b = scores[labels == 1][:, None], scores[labels == 0][None, :]\n"
        "    return ((s < b) + 0.5 * (s == b)).mean()\n",
        # The accuracy at a threshold.
        "def auc_of_pairs(labels, scores):\n    return np.mean((scores > 0.5) == labels)\n",
    ],
    "events-needed": [
        # The error taken to fall with n in place of its root.
        "def events_needed(area, error):\n    return round(auc_error(area, 1, 1) / error)\n",
        # The large-sample rule, which is off by a few events.
        "def events_needed(area, error):\n    return int((auc_error(area, 1, 1) / error) ** 2)\n",
        # Not the smallest.
        "def events_needed(area, error):\n"
        "    n = 1\n    while auc_error(area, n, n) > error:\n        n *= 2\n    return n\n",
    ],
    "honest-pipeline": [
        # Not scaled.
        "def honest_pipeline(k):\n    return make_pipeline(SelectKBest(k=k), LogisticRegression(max_iter=1000))\n",
        # k not used.
        "def honest_pipeline(k):\n    return make_pipeline(StandardScaler(), SelectKBest(), LogisticRegression())\n",
        # A classifier alone.
        "def honest_pipeline(k):\n    return LogisticRegression()\n",
        # The last step forgotten.
        "def honest_pipeline(k):\n    return make_pipeline(StandardScaler(), SelectKBest(k=k))\n",
    ],
    "group-split": [
        # Rows drawn, not groups.
        "def group_split(groups, share, rng):\n    return rng.random(len(groups)) < share\n",
        # Always the first groups.
        "def group_split(groups, share, rng):\n    return groups < share * len(np.unique(groups))\n",
        # A generator of its own.
        "def group_split(groups, share, rng):\n"
        "    names = np.unique(groups)\n"
        "    mine = np.random.default_rng()\n"
        "    return np.isin(groups, mine.choice(names, size=round(share * len(names)), replace=False))\n",
        # The training side marked.
        "def group_split(groups, share, rng):\n"
        "    names = np.unique(groups)\n"
        "    return ~np.isin(groups, rng.choice(names, size=round(share * len(names)), replace=False))\n",
    ],
    "asimov": [
        # The approximation.
        "def asimov(s, b):\n    return s / np.sqrt(b)\n",
        # The root forgotten.
        "def asimov(s, b):\n    return 2 * ((s + b) * np.log1p(s / b) - s)\n",
        # The signal not subtracted.
        "def asimov(s, b):\n    return np.sqrt(2 * (s + b) * np.log1p(s / b))\n",
        # log1p taken for log.
        "def asimov(s, b):\n    return np.sqrt(2 * ((s + b) * np.log1p(1 + s / b) - s))\n",
    ],
}

# Cells that a check needs besides the exercise's own.
NEEDS = {exercise: ["setup"] for exercise in SOLUTIONS}
