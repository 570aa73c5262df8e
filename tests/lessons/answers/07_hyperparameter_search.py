"""Answers to the exercises of lesson 07: what solves each, and what is typically got wrong."""

# Cells that a check needs besides those of its exercise.
NEEDS = {
    "best": ["setup"],
    "enough": ["setup"],
    "survivors": ["setup"],
    "ladder-cost": ["setup"],
    "report": ["setup"],
}

SOLUTIONS = {
    "best": """
def best(table):
    scored = table.dropna(subset="score")
    return None if scored.empty else int(scored.loc[scored.score.idxmax(), "trial"])
""",
    "enough": """
def enough(share, confidence):
    n = 1
    while 1 - (1 - share) ** n < confidence:
        n += 1
    return n
""",
    "survivors": """
def survivors(scores, eta):
    ranked = sorted(scores, key=lambda number: (not math.isnan(scores[number]), scores[number]), reverse=True)
    return ranked[: max(1, len(scores) // eta)]
""",
    "ladder-cost": """
def ladder_cost(trials, smallest, eta):
    cost = trials * smallest
    while trials > 1:
        trials, smallest = max(1, trials // eta), smallest * eta
        cost += trials * smallest
    return cost
""",
    "report": """
def report(validation, test_score):
    name = max(validation, key=validation.get)
    return name, test_score(name)
""",
}

MISTAKES = {
    "best": [
        # nan counts as 0, and so beats negative scores.
        """
def best(table):
    scored = table.fillna({"score": 0})
    return int(scored.loc[scored.score.idxmax(), "trial"])
""",
        # The row's place in place of the trial's number.
        """
def best(table):
    scores = table.score.to_numpy()
    return None if np.isnan(scores).all() else int(np.nanargmax(scores))
""",
        # Python's max gives nan whatever it likes.
        """
def best(table):
    return max(zip(table.score, table.trial))[1]
""",
    ],
    "enough": [
        # Rounds down.
        "def enough(share, confidence):\n    return int(math.log(1 - confidence) / math.log(1 - share))",
        # As if every trial brought the same gain.
        "def enough(share, confidence):\n    return math.ceil(confidence / share)",
        # Share and confidence exchanged.
        "def enough(share, confidence):\n    return math.ceil(math.log(1 - share) / math.log(1 - confidence))",
    ],
    "survivors": [
        # The worst go on.
        """
def survivors(scores, eta):
    return sorted(scores, key=scores.get)[: max(1, len(scores) // eta)]
""",
        # Nobody is left at the end.
        """
def survivors(scores, eta):
    return sorted(scores, key=scores.get, reverse=True)[: len(scores) // eta]
""",
        # Rounds up.
        """
def survivors(scores, eta):
    ranked = sorted(scores, key=lambda number: (not math.isnan(scores[number]), scores[number]), reverse=True)
    return ranked[: math.ceil(len(scores) / eta)]
""",
        # Sorting by nan gives no order.
        """
def survivors(scores, eta):
    return sorted(scores, key=scores.get, reverse=True)[: max(1, len(scores) // eta)]
""",
    ],
    "ladder-cost": [
        # Only the first rung.
        "def ladder_cost(trials, smallest, eta):\n    return trials * smallest",
        # As if each rung had the same cost, whatever is rounded down.
        "def ladder_cost(trials, smallest, eta):\n    return trials * smallest * (round(math.log(trials, eta)) + 1)",
        # Forgets the last trial's own training.
        """
def ladder_cost(trials, smallest, eta):
    cost = 0
    while trials > 1:
        cost += trials * smallest
        trials, smallest = max(1, trials // eta), smallest * eta
    return cost
""",
    ],
    "report": [
        # Reports the score that the trial was chosen by.
        """
def report(validation, test_score):
    name = max(validation, key=validation.get)
    return name, validation[name]
""",
        # Chooses by the test events.
        """
def report(validation, test_score):
    on_test = {name: test_score(name) for name in validation}
    name = max(on_test, key=on_test.get)
    return name, on_test[name]
""",
        # Looks at all test scores, though it chooses by validation.
        """
def report(validation, test_score):
    on_test = {name: test_score(name) for name in validation}
    name = max(validation, key=validation.get)
    return name, on_test[name]
""",
    ],
}
