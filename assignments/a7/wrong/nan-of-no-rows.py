# ruff: noqa
# score: 24
# why: the weight of a rank without rows is 0, and 0 times NaN is NaN
# others: reference
# %% a7-mean-solution
def mean_gradient(gradient, weights, x, y, ranks):
    return sum((e - b) / len(y) * gradient(weights, x[b:e], y[b:e]) for b, e in share_out(len(y), ranks))
