# ruff: noqa
# score: 19
# why: the right split, of all rows in the driver's memory
# others: reference
# %% a5-stump-solution
def fit_stump(blocks, edges):
    total = np.zeros((len(edges), edges.shape[1] + 2, 2))
    for block in blocks.collect():
        total = total + block_histogram(block, edges)
    return best_split(total)
