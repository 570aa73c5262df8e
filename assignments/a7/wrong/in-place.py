# ruff: noqa
# score: 19
# why: weights, arrays and states that were given are changed
# others: reference
# %% a7-epoch-solution
def train_epoch(weights, x, y, ranks, batch, rate, number):
    order = np.random.default_rng(number).permutation(len(y))
    for begin in range(0, len(y), batch):
        chosen = order[begin : begin + batch]
        weights -= rate * mean_gradient(gradient, weights, x[chosen], y[chosen], ranks)
    return weights


# %% a7-ring-solution
def all_reduce(rank, ranks, array, right, left):
    chunks = np.array_split(array, ranks)
    for step in range(ranks - 1):
        right.send(chunks[(rank - step) % ranks])
        chunks[(rank - step - 1) % ranks] += left.receive()
    for step in range(ranks - 1):
        right.send(chunks[(rank - step + 1) % ranks])
        chunks[(rank - step) % ranks][:] = left.receive()
    return array


# %% a7-scale-solution
def scaled_step(weights, gradients, sizes, rate, state, grow_after):
    mean = sum(np.float32(size / sum(sizes)) * g.astype(np.float32) for g, size in zip(gradients, sizes) if size)
    state["good"] += 1
    if not np.isfinite(mean).all():
        state.update(scale=state["scale"] / 2, good=0)
        return weights, state
    weights -= np.float32(rate) * mean / np.float32(state["scale"])
    if state["good"] == grow_after:
        state.update(scale=state["scale"] * 2, good=0)
    return weights, state
