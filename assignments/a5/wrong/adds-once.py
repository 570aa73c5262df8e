# ruff: noqa
# score: 11
# why: sums[places] += weights adds only once to each place, however many rows are there
# others: reference
# %% a5-histogram-solution
def block_histogram(block, edges):
    bins = edges.shape[1] + 1
    sums = np.zeros((len(edges), bins + 1, 2))
    for feature, borders in enumerate(edges):
        values = block["features"][:, feature]
        places = np.where(np.isnan(values), bins, np.searchsorted(borders, values, side="right"))
        sums[feature, places, block["labels"]] += block["weights"]
    return sums
