# ruff: noqa
# score: 0
# why: every question is attempted and every one is misunderstood
# %% a7-share-solution
def share_out(rows, ranks):
    # Sizes and not borders.
    return [rows // ranks] * ranks


# %% a7-mean-solution
def mean_gradient(gradient, weights, x, y, ranks):
    # The first rank's part stands for all.
    return gradient(weights, x[: len(y) // ranks // 2], y[: len(y) // ranks // 2])


# %% a7-epoch-solution
def train_epoch(weights, x, y, ranks, batch, rate, number):
    # The colleague's as it was.
    return colleagues_epoch(weights, x, y, ranks, batch, rate, number)


# %% a7-ring-solution
def all_reduce(rank, ranks, array, right, left):
    # Everybody waits before anybody has sent something.
    return array + left.receive()


# %% a7-rate-solution
def learning_rate(step, batch, recipe):
    # The larger the batch, the more careful.
    return recipe["rate"] * recipe["batch"] / batch


# %% a7-scale-solution
def scaled_step(weights, gradients, sizes, rate, state, grow_after):
    # The scale stays in the gradients.
    return weights - rate * sum(gradients), state


# %% a7-keras-solution
def parallel_step(replicas, parts):
    # Each goes its own way.
    for replica, (x, y) in zip(replicas, parts):
        replica.train_on_batch(x, y)


# %% [markdown] a7-words-answer
# More GPUs are faster.
