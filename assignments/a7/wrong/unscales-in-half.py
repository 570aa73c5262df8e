# ruff: noqa
# score: 22
# why: the mean is made and divided by the scale in float16: small gradients vanish after all, and sums overflow
# others: reference
# %% a7-scale-solution
def scaled_step(weights, gradients, sizes, rate, state, grow_after):
    with np.errstate(over="ignore", invalid="ignore"):
        total = sum(np.float16(size) * g for g, size in zip(gradients, sizes) if size)
        mean = total / np.float16(sum(sizes)) / np.float16(state["scale"])
    if not np.isfinite(mean).all():
        return weights.copy(), {"scale": state["scale"] / 2, "good": 0}
    good = state["good"] + 1
    if good == grow_after:
        return weights - np.float32(rate) * mean, {"scale": state["scale"] * 2, "good": 0}
    return weights - np.float32(rate) * mean, {"scale": state["scale"], "good": good}
