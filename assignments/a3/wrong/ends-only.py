# ruff: noqa
# score: 29
# why: the optimum is taken from the formula and cut down to a whole number; the cheapest is taken for the smallest in time
# others: reference
# %% a3-choice-solution
def fastest(usl, limit):
    if usl["beta"] <= 0:
        return limit
    return min(limit, max(1, int(math.sqrt(max(0.0, 1 - usl["alpha"]) / usl["beta"]))))


def cheapest(usl, limit, deadline):
    for p in range(1, limit + 1):
        if usl["t1"] * (1 + usl["alpha"] * (p - 1) + usl["beta"] * p * (p - 1)) / p <= deadline:
            return p
    return fastest(usl, limit)
