# ruff: noqa
# score: 25
# why: a rank without rows is asked as well whether its gradient is finite
# others: reference
# %% a7-scale-solution
def scaled_step(weights, gradients, sizes, rate, state, grow_after):
    if not all(np.isfinite(g).all() for g in gradients):
        return weights.copy(), {"scale": state["scale"] / 2, "good": 0}
    mean = sum(np.float32(size / sum(sizes)) * g.astype(np.float32) for g, size in zip(gradients, sizes))
    good = state["good"] + 1
    weights = weights - np.float32(rate) * mean / np.float32(state["scale"])
    return weights, {"scale": state["scale"] * 2, "good": 0} if good == grow_after else {**state, "good": good}
