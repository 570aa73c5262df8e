# ruff: noqa
# score: 23
# why: the plain mean of the ranks' gradients, which is right with equal parts only; the last batches of part 1 fail too
# others: reference
# %% a7-mean-solution
def mean_gradient(gradient, weights, x, y, ranks):
    parts = [(b, e) for b, e in share_out(len(y), ranks) if e > b]
    return sum(gradient(weights, x[b:e], y[b:e]) for b, e in parts) / len(parts)
