# ruff: noqa
# score: 16
# why: rows with a missing value are left out, so that features are compared on different rows
# others: reference
# %% a5-histogram-solution
def block_histogram(block, edges):
    bins = edges.shape[1] + 1
    sums = np.zeros((len(edges), bins + 1, 2))
    for feature, borders in enumerate(edges):
        values = block["features"][:, feature]
        there = ~np.isnan(values)
        places = np.searchsorted(borders, values[there], side="right")
        np.add.at(sums[feature], (places, block["labels"][there]), block["weights"][there])
    return sums
