# ruff: noqa
# score: 14
# why: missing values always go right, and a side without rows is a split, even of no rows at all
# others: reference
# %% a5-split-solution
def best_split(histogram):
    def mixed(weights):
        return 2 * weights[0] * weights[1] / max(weights.sum(), 1e-300)

    best = None
    for feature, sums in enumerate(histogram):
        everything = sums.sum(axis=0)
        for place, left in enumerate(sums[:-2].cumsum(axis=0)):
            right = everything - left
            gain = (mixed(everything) - mixed(left) - mixed(right)) / max(everything.sum(), 1e-300)
            if best is None or gain > best["gain"]:
                best = {
                    "feature": feature,
                    "bin": place,
                    "missing_left": False,
                    "gain": gain,
                    "left": left[1] / max(left.sum(), 1e-300),
                    "right": right[1] / max(right.sum(), 1e-300),
                }
    return best
