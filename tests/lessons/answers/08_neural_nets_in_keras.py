"""Answers to the exercises of lesson 08: what solves each, and what is typically got wrong."""

# Cells that a check needs besides those of its exercise.
NEEDS = {
    "parameters": ["setup"],
    "stable-loss": ["setup"],
    "fold": ["setup"],
    "batches": ["setup"],
    "stopping": ["setup"],
}

SOLUTIONS = {
    "parameters": """
def parameters(widths):
    return sum((before + 1) * neurons for before, neurons in zip(widths, widths[1:]))
""",
    "stable-loss": """
def stable_loss(y, z):
    return np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))
""",
    "fold": """
def fold(mean, std, weights, bias):
    folded = weights / std[:, None]
    return folded, bias - mean @ folded
""",
    "batches": """
def batches(count, size, rng):
    order = rng.permutation(count)
    return [order[start : start + size] for start in range(0, count, size)]
""",
    "stopping": """
def early_stopping(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            return epoch + 1, best + 1
    return len(losses), best + 1
""",
}

MISTAKES = {
    "parameters": [
        # No biases.
        "def parameters(widths):\n    return sum(a * b for a, b in zip(widths, widths[1:]))",
        # One bias a layer in place of one a neuron.
        "def parameters(widths):\n    return sum(a * b + 1 for a, b in zip(widths, widths[1:]))",
        # Biases of the inputs too.
        "def parameters(widths):\n    return sum(a * b for a, b in zip(widths, widths[1:])) + sum(widths)",
    ],
    "stable-loss": [
        # The formula as it stands.
        """
def stable_loss(y, z):
    p = 1 / (1 + np.exp(-z))
    return -y * np.log(p) - (1 - y) * np.log(1 - p)
""",
        # Cut off as Keras does it with probabilities: finite, and wrong for large mistakes.
        """
def stable_loss(y, z):
    p = np.clip(1 / (1 + np.exp(-np.clip(z, -500, 500))), 1e-7, 1 - 1e-7)
    return -y * np.log(p) - (1 - y) * np.log(1 - p)
""",
        # Stable for positive logits only.
        "def stable_loss(y, z):\n    return z - y * z + np.log1p(np.exp(-z))",
        # The two classes taken for each other.
        "def stable_loss(y, z):\n    return np.maximum(z, 0) - (1 - y) * z + np.log1p(np.exp(-np.abs(z)))",
    ],
    "fold": [
        # Multiplies with the standard deviation.
        """
def fold(mean, std, weights, bias):
    folded = weights * std[:, None]
    return folded, bias - mean @ folded
""",
        # The bias forgets that the mean is divided too.
        "def fold(mean, std, weights, bias):\n    return weights / std[:, None], bias - mean @ weights",
        # The bias stays as it was.
        "def fold(mean, std, weights, bias):\n    return weights / std[:, None], bias",
        # Changes the weights that it was given.
        """
def fold(mean, std, weights, bias):
    weights /= std[:, None]
    return weights, bias - mean @ weights
""",
    ],
    "batches": [
        # No shuffle.
        """
def batches(count, size, rng):
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]
""",
        # Drops the smaller last batch.
        """
def batches(count, size, rng):
    order = rng.permutation(count)
    return [order[k * size : (k + 1) * size] for k in range(count // size)]
""",
        # Draws with replacement.
        """
def batches(count, size, rng):
    return [rng.integers(count, size=min(size, count - start)) for start in range(0, count, size)]
""",
        # Shuffles within each batch only.
        """
def batches(count, size, rng):
    return [rng.permutation(np.arange(start, min(start + size, count))) for start in range(0, count, size)]
""",
        # The same order in each epoch.
        """
def batches(count, size, rng):
    order = np.random.default_rng(0).permutation(count)
    return [order[start : start + size] for start in range(0, count, size)]
""",
    ],
    "stopping": [
        # Compares with the epoch before in place of the best one.
        """
def early_stopping(losses, patience):
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        waited = 0 if losses[epoch] < losses[epoch - 1] else waited + 1
        if losses[epoch] < losses[best]:
            best = epoch
        if waited >= patience:
            return epoch + 1, best + 1
    return len(losses), best + 1
""",
        # Knows the future: the smallest loss of all epochs.
        """
def early_stopping(losses, patience):
    best = int(np.argmin(losses)) + 1
    return min(best + patience, len(losses)), best
""",
        # Counts from 0.
        """
def early_stopping(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            return epoch, best
    return len(losses) - 1, best
""",
        # Equal counts as better.
        """
def early_stopping(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss <= losses[best]:
            best = epoch
        elif epoch - best >= patience:
            return epoch + 1, best + 1
    return len(losses), best + 1
""",
    ],
}
