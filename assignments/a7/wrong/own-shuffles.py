# ruff: noqa
# score: 23
# why: each rank keeps its own rows and shuffles them, so that batches depend on the number of ranks
# others: reference
# %% a7-epoch-solution
def train_epoch(weights, x, y, ranks, batch, rate, number):
    parts = [
        np.random.default_rng([number, rank]).permutation(part)
        for rank, part in enumerate(np.array_split(np.arange(len(y)), ranks))
    ]
    each = max(1, batch // ranks)
    for begin in range(0, max(map(len, parts)), each):
        rows_of = np.concatenate([part[begin : begin + each] for part in parts])
        weights = weights - rate * gradient(weights, x[rows_of], y[rows_of])
    return weights
