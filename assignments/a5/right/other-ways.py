# ruff: noqa
# why: bincount over one number for each place, whole arrays in place of loops, aggregate in place of fold, one sum of histograms by stump
# others: reference
# %% a5-histogram-solution
def block_histogram(block, edges):
    count, bins = edges.shape[0], edges.shape[1] + 2
    features, labels = block["features"], block["labels"]
    place = (features[:, :, None] >= edges[None]).sum(axis=2)
    place[np.isnan(features)] = bins - 1
    flat = (np.arange(count) * bins + place) * 2 + labels[:, None]
    heavy = np.broadcast_to(block["weights"][:, None], flat.shape)
    return np.bincount(flat.ravel(), heavy.ravel(), minlength=count * bins * 2).reshape(count, bins, 2)


# %% a5-merge-solution
def merge(first, second):
    result = np.copy(first)
    result += second
    return result


# %% a5-split-solution
def best_split(histogram):
    total = histogram[0].sum(axis=0)
    below = np.cumsum(histogram, axis=1)[:, :-2]
    left = np.stack([below, below + histogram[:, -1:]])  # axes: missing left or not, feature, bin, label
    right = total - left
    with np.errstate(divide="ignore", invalid="ignore"):
        impurity = [(side.prod(axis=-1) / side.sum(axis=-1)) for side in (left, right)]
        gain = 2 * (total.prod() / total.sum() - impurity[0] - impurity[1]) / total.sum()
    gain = np.where((left.sum(axis=-1) > 0) & (right.sum(axis=-1) > 0), gain, -1)
    best = np.unravel_index(gain.argmax(), gain.shape)
    if not gain[best] > 1e-12:
        return None
    return {
        "missing_left": bool(best[0]),
        "feature": int(best[1]),
        "bin": int(best[2]),
        "gain": float(gain[best]),
        "left": float(left[best][1] / left[best].sum()),
        "right": float(right[best][1] / right[best].sum()),
    }


# %% a5-stump-solution
def fit_stump(blocks, edges):
    def of_partition(some):
        found = [block_histogram(block, edges) for block in some]
        return [np.sum(found, axis=0)] if found else []

    sums = blocks.mapPartitions(of_partition).collect()
    return best_split(sum(sums)) if sums else None


# %% a5-bag-solution
def fit_bag(blocks, edges, count, number):
    def add(known, block):
        for k in range(count):
            again = dict(block, weights=draw_weights(block["ids"], k, number) * block["weights"])
            one = block_histogram(again, edges)[draw_features(k, number, len(edges))]
            known[k] = one if k not in known else merge(known[k], one)
        return known

    def join(some, more):
        return {k: some[k] + more[k] if k in some and k in more else some.get(k, more.get(k)) for k in {*some, *more}}

    bag = []
    for k, histogram in sorted(blocks.aggregate({}, add, join).items()):
        stump = best_split(histogram)
        if stump is not None:
            stump["feature"] = draw_features(k, number, len(edges))[stump["feature"]]
            bag.append(stump)
    return bag


# %% a5-predict-solution
def predict_bag(stumps, edges, features):
    def vote(stump, row):
        value = row[stump["feature"]]
        if value != value:
            return stump["left"] if stump["missing_left"] else stump["right"]
        return stump["right"] if value >= edges[stump["feature"]][stump["bin"]] else stump["left"]

    return np.array([sum(vote(stump, row) for stump in stumps) / len(stumps) for row in features])
