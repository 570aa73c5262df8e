# ruff: noqa
# score: 24
# why: ranks with infinite values are left out and the others make the step; the scale is never halved
# others: reference
# %% a7-scale-solution
def scaled_step(weights, gradients, sizes, rate, state, grow_after):
    kept = [(g.astype(np.float32), size) for g, size in zip(gradients, sizes) if size and np.isfinite(g).all()]
    rows = sum(size for _, size in kept)
    mean = sum(np.float32(size / rows) * g for g, size in kept)
    good = state["good"] + 1
    state = {"scale": state["scale"] * 2, "good": 0} if good == grow_after else {**state, "good": good}
    return weights - np.float32(rate) * mean / np.float32(state["scale"]), state
