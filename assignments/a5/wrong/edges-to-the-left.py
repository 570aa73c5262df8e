# ruff: noqa
# score: 19
# why: a value that is equal to an edge goes to the bin below, which random data never shows
# others: reference
# %% a5-histogram-solution
def block_histogram(block, edges):
    bins = edges.shape[1] + 1
    sums = np.zeros((len(edges), bins + 1, 2))
    for feature, borders in enumerate(edges):
        values = block["features"][:, feature]
        places = np.where(np.isnan(values), bins, np.searchsorted(borders, values, side="left"))
        np.add.at(sums[feature], (places, block["labels"]), block["weights"])
    return sums
