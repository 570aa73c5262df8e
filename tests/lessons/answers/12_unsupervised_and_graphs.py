"""Answers to the exercises of lesson 12: what solves each, and what is typically got wrong."""

# Cells that a check needs besides those of its exercise.
NEEDS = {
    "partial": ["setup"],
    "break-even": ["setup"],
    "covariance": ["setup"],
    "step": ["setup"],
    "fold-in": ["setup"],
}

SOLUTIONS = {
    "partial": """
def partial_sums(points, centres):
    distances = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    nearest = distances.argmin(axis=1)
    sums = np.zeros((len(centres), points.shape[1] + 1))
    np.add.at(sums, nearest, np.hstack([points, np.ones((len(points), 1))]))
    return sums
""",
    "break-even": """
def break_even(columns, partitions):
    return partitions * (1 + columns + columns**2) // columns + 1
""",
    "covariance": """
def covariance(number, total, gram_matrix):
    mean = total / number
    return gram_matrix / number - np.outer(mean, mean)
""",
    "step": """
def pagerank_step(rank, source, target, damping=0.85):
    pages = len(rank)
    out = np.bincount(source, minlength=pages)
    carried = np.bincount(target, weights=rank[source] / out[source], minlength=pages)
    return damping * (carried + rank[out == 0].sum() / pages) + (1 - damping) / pages
""",
    "fold-in": """
def fold_in(film_factors, stars, strength):
    number, rank = film_factors.shape
    return np.linalg.solve(film_factors.T @ film_factors + strength * number * np.eye(rank), film_factors.T @ stars)
""",
}

MISTAKES = {
    "partial": [
        # means in place of sums: they cannot be added up over partitions
        """
def partial_sums(points, centres):
    nearest = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
    rows = []
    for centre in range(len(centres)):
        own = points[nearest == centre]
        rows.append([*(own.mean(axis=0) if len(own) else np.zeros(points.shape[1])), len(own)])
    return np.array(rows)
""",
        # no number of points
        """
def partial_sums(points, centres):
    nearest = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
    return np.array([points[nearest == centre].sum(axis=0) for centre in range(len(centres))])
""",
    ],
    "break-even": [
        # forgets that every partition sends its own sums
        """
def break_even(columns, partitions):
    return (1 + columns + columns**2) // columns + 1
""",
        # rounds down
        """
def break_even(columns, partitions):
    return partitions * (1 + columns + columns**2) // columns
""",
    ],
    "covariance": [
        # does not take the mean off
        """
def covariance(number, total, gram_matrix):
    return gram_matrix / number
""",
        # product of elements in place of the outer product
        """
def covariance(number, total, gram_matrix):
    mean = total / number
    return gram_matrix / number - mean * mean
""",
    ],
    "step": [
        # rank drains away through dangling pages
        """
def pagerank_step(rank, source, target, damping=0.85):
    pages = len(rank)
    out = np.bincount(source, minlength=pages)
    carried = np.bincount(target, weights=rank[source] / out[source], minlength=pages)
    return damping * carried + (1 - damping) / pages
""",
        # an assignment with repeated indices counts one of several links only
        """
def pagerank_step(rank, source, target, damping=0.85):
    pages = len(rank)
    out = np.bincount(source, minlength=pages)
    carried = np.zeros(pages)
    carried[target] += rank[source] / out[source]
    return damping * (carried + rank[out == 0].sum() / pages) + (1 - damping) / pages
""",
    ],
    "fold-in": [
        # no penalty
        """
def fold_in(film_factors, stars, strength):
    return np.linalg.lstsq(film_factors, stars, rcond=None)[0]
""",
        # the penalty without the number of ratings
        """
def fold_in(film_factors, stars, strength):
    rank = film_factors.shape[1]
    return np.linalg.solve(film_factors.T @ film_factors + strength * np.eye(rank), film_factors.T @ stars)
""",
    ],
}
