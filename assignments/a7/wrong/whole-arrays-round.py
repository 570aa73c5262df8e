# ruff: noqa
# score: 24
# why: whole arrays go round, and each rank adds them up in an order of its own: too many bytes, and other bits
# others: reference
# %% a7-ring-solution
def all_reduce(rank, ranks, array, right, left):
    total, passing = array.copy(), array
    for _ in range(ranks - 1):
        right.send(passing)
        passing = left.receive()
        total += passing
    return total
