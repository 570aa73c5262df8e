# ruff: noqa
# score: 24
# why: the last batch, which is smaller, is left out
# others: reference
# %% a7-epoch-solution
def train_epoch(weights, x, y, ranks, batch, rate, number):
    order = np.random.default_rng(number).permutation(len(y))
    for step in range(len(y) // batch):
        rows_of = order[step * batch : (step + 1) * batch]
        weights = weights - rate * mean_gradient(gradient, weights, x[rows_of], y[rows_of], ranks)
    return weights
