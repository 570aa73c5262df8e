# ruff: noqa
# score: 24
# why: the last rank takes what is left over, which may be nearly twice its share, or everything
# others: reference
# %% a7-share-solution
def share_out(rows, ranks):
    each = rows // ranks
    return [(rank * each, (rank + 1) * each if rank < ranks - 1 else rows) for rank in range(ranks)]
