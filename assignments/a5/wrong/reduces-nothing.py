# ruff: noqa
# score: 19
# why: reduce has no answer for an RDD without blocks
# others: reference
# %% a5-stump-solution
def fit_stump(blocks, edges):
    return best_split(blocks.map(lambda block: block_histogram(block, edges)).reduce(merge))
