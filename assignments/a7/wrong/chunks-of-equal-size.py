# ruff: noqa
# score: 23
# why: chunks of n // p numbers, so that what is left over is summed nowhere
# others: reference
# %% a7-ring-solution
def all_reduce(rank, ranks, array, right, left):
    total, each = array.copy(), len(array) // ranks
    chunks = [total[k * each : (k + 1) * each] for k in range(ranks)]
    for step in range(ranks - 1):
        right.send(chunks[(rank - step) % ranks])
        chunks[(rank - step - 1) % ranks] += left.receive()
    for step in range(ranks - 1):
        right.send(chunks[(rank - step + 1) % ranks])
        chunks[(rank - step) % ranks][:] = left.receive()
    return total
