# ruff: noqa
# score: 25
# why: each rank computes the gradient of the whole batch, so that the average is right and nothing is gained
# others: reference
# %% a7-mean-solution
def mean_gradient(gradient, weights, x, y, ranks):
    return sum(gradient(weights, x, y) for _ in range(ranks)) / ranks
