"""Answers to the exercises of lesson 06: what solves each, and what is typically got wrong."""

# Cells that a check needs besides those of its exercise.
NEEDS = {
    "best-split": ["setup"],
    "residual": ["setup"],
    "passes": ["setup"],
    "cost": ["setup"],
    "permutation": ["setup"],
}

SOLUTIONS = {
    "best-split": """
def best_split(counts):
    left = counts.cumsum(axis=1)[:, :-1]
    right = counts.sum(axis=1, keepdims=True) - left
    impure = sum(side[0] * side[1] / np.maximum(side.sum(axis=0), 1) for side in (left, right))
    return int(impure.argmin())
""",
    "residual": """
def residual_of(label, score):
    return label / (1 + np.exp(label * score))
""",
    "passes": """
def passes(kind, trees, depth):
    return depth if kind == "forest" else trees * depth
""",
    "cost": """
def cost(parallel, single):
    return min((cores for cores, seconds in parallel.items() if seconds < single), default=None)
""",
    "permutation": """
def permutation_importance(score, frame, column, repeats, rng):
    falls = []
    for _ in range(repeats):
        shuffled = frame.copy()
        shuffled[column] = rng.permutation(frame[column])
        falls.append(score(frame) - score(shuffled))
    return sum(falls) / repeats
""",
}

MISTAKES = {
    "best-split": [
        # Both sides count the same, however many events they hold.
        """
def best_split(counts):
    left = counts.cumsum(axis=1)[:, :-1]
    right = counts.sum(axis=1, keepdims=True) - left
    impure = sum(side[0] * side[1] / np.maximum(side.sum(axis=0), 1) ** 2 for side in (left, right))
    return int(impure.argmin())
""",
        # The bin with the purest content, in place of a split between bins.
        """
def best_split(counts):
    return int(abs(counts[0] - counts[1]).argmax())
""",
        # The bin before which to split.
        """
def best_split(counts):
    left = counts.cumsum(axis=1)[:, :-1]
    right = counts.sum(axis=1, keepdims=True) - left
    impure = sum(side[0] * side[1] / np.maximum(side.sum(axis=0), 1) for side in (left, right))
    return int(impure.argmin()) + 1
""",
    ],
    "residual": [
        # The formula for labels 0 and 1.
        "def residual_of(label, score):\n    return label - 1 / (1 + np.exp(-score))",
        # The gradient itself, without the minus.
        "def residual_of(label, score):\n    return -label / (1 + np.exp(label * score))",
        # The squared error's.
        "def residual_of(label, score):\n    return label - score",
    ],
    "passes": [
        "def passes(kind, trees, depth):\n    return trees * depth",
        "def passes(kind, trees, depth):\n    return depth if kind == 'forest' else trees * 2**depth",
        "def passes(kind, trees, depth):\n    return 1 if kind == 'forest' else trees",
    ],
    "cost": [
        # The speed-up over the single thread.
        "def cost(parallel, single):\n    return single / min(parallel.values())",
        # As fast is taken for faster.
        "def cost(parallel, single):\n    return min((n for n, s in parallel.items() if s <= single), default=None)",
        # The fastest number of cores in place of the smallest that is fast enough.
        "def cost(parallel, single):\n    return min(parallel, key=parallel.get)",
    ],
    "permutation": [
        # After minus before.
        """
def permutation_importance(score, frame, column, repeats, rng):
    falls = []
    for _ in range(repeats):
        shuffled = frame.copy()
        shuffled[column] = rng.permutation(frame[column])
        falls.append(score(shuffled) - score(frame))
    return sum(falls) / repeats
""",
        # Shuffles the table itself.
        """
def permutation_importance(score, frame, column, repeats, rng):
    before, falls = score(frame), []
    for _ in range(repeats):
        frame[column] = rng.permutation(frame[column])
        falls.append(before - score(frame))
    return sum(falls) / repeats
""",
        # Draws with replacement, which changes the column's values.
        """
def permutation_importance(score, frame, column, repeats, rng):
    falls = []
    for _ in range(repeats):
        drawn = frame.assign(**{column: rng.choice(frame[column], len(frame))})
        falls.append(score(frame) - score(drawn))
    return sum(falls) / repeats
""",
        # One shuffle, whatever is asked for.
        """
def permutation_importance(score, frame, column, repeats, rng):
    shuffled = frame.assign(**{column: rng.permutation(frame[column])})
    return score(frame) - score(shuffled)
""",
    ],
}
