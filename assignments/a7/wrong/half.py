# ruff: noqa
# score: 12
# why: parts 1 and 2 are right, the others are not attempted
# %% a7-share-solution
def share_out(rows, ranks):
    ends = np.cumsum([rows // ranks + (k < rows % ranks) for k in range(ranks)]).tolist()
    return list(zip([0, *ends], ends))


# %% a7-mean-solution
def mean_gradient(gradient, weights, x, y, ranks):
    return sum((e - b) * gradient(weights, x[b:e], y[b:e]) for b, e in share_out(len(y), ranks) if e > b) / len(y)


# %% a7-epoch-solution
def train_epoch(weights, x, y, ranks, batch, rate, number):
    order = np.random.default_rng(number).permutation(len(y))
    for step in range(math.ceil(len(y) / batch)):
        rows_of = order[step * batch : (step + 1) * batch]
        weights = weights - rate * mean_gradient(gradient, weights, x[rows_of], y[rows_of], ranks)
    return weights


# %% a7-ring-solution
def all_reduce(rank, ranks, array, right, left):
    result = np.array(array)
    pieces = np.array_split(result, ranks)
    for k in range(ranks - 1):
        right.send(pieces[(rank - k) % ranks])
        pieces[(rank - k - 1) % ranks] += left.receive()
    for k in range(ranks - 1):
        right.send(pieces[(rank + 1 - k) % ranks])
        pieces[(rank - k) % ranks][...] = left.receive()
    return result
