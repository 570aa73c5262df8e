# ruff: noqa
# score: 24
# why: an overflow does not begin the count of good steps anew
# others: reference
# %% a7-scale-solution
def scaled_step(weights, gradients, sizes, rate, state, grow_after):
    mean = sum(np.float32(size / sum(sizes)) * g.astype(np.float32) for g, size in zip(gradients, sizes) if size)
    if not np.isfinite(mean).all():
        return weights.copy(), {**state, "scale": state["scale"] / 2}
    good = state["good"] + 1
    weights = weights - np.float32(rate) * mean / np.float32(state["scale"])
    return weights, {"scale": state["scale"] * 2, "good": 0} if good >= grow_after else {**state, "good": good}
