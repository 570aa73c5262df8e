# ruff: noqa
# score: 17
# why: each block finds its own best split and the largest gain wins: the best split of a part is not that of the whole
# others: reference
# %% a5-stump-solution
def fit_stump(blocks, edges):
    stumps = blocks.map(lambda block: best_split(block_histogram(block, edges))).collect()
    found = [stump for stump in stumps if stump is not None]
    return max(found, key=lambda stump: stump["gain"], default=None)
