# ruff: noqa
# score: 17
# why: rows are counted and their weights forgotten, so that every bootstrap sample is the same
# others: reference
# %% a5-histogram-solution
def block_histogram(block, edges):
    bins = edges.shape[1] + 1
    sums = np.zeros((len(edges), bins + 1, 2))
    for feature, borders in enumerate(edges):
        values = block["features"][:, feature]
        places = np.where(np.isnan(values), bins, np.searchsorted(borders, values, side="right"))
        np.add.at(sums[feature], (places, block["labels"]), 1)
    return sums
