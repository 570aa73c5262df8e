# ruff: noqa
# score: 10
# why: parts 1 and 2 are right, parts 3 to 5 are not attempted
# %% a5-histogram-solution
def block_histogram(block, edges):
    bins = edges.shape[1] + 1
    sums = np.zeros((len(edges), bins + 1, 2))
    for j in range(len(edges)):
        for value, label, weight in zip(block["features"][:, j], block["labels"], block["weights"]):
            sums[j, bins if np.isnan(value) else (edges[j] <= value).sum(), label] += weight
    return sums


# %% a5-merge-solution
def merge(first, second):
    return np.add(first, second)


# %% a5-split-solution
def best_split(histogram):
    def mixed(weights):
        return 2 * weights[0] * weights[1] / weights.sum()

    candidates = []
    for feature, sums in enumerate(histogram):
        whole = sums.sum(axis=0)
        for place in range(len(sums) - 2):
            for missing_left in (True, False):
                left = sums[: place + 1].sum(axis=0) + missing_left * sums[-1]
                right = whole - left
                if left.sum() > 0 and right.sum() > 0:
                    gain = (mixed(whole) - mixed(left) - mixed(right)) / whole.sum()
                    shares = left[1] / left.sum(), right[1] / right.sum()
                    candidates.append((gain, feature, place, missing_left, *shares))
    if not candidates or max(candidates)[0] <= 1e-12:
        return None
    return dict(zip(("gain", "feature", "bin", "missing_left", "left", "right"), max(candidates)))
