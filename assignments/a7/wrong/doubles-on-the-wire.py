# ruff: noqa
# score: 25
# why: the sums are made and sent in double precision, twice or four times as many bytes as needed
# others: reference
# %% a7-ring-solution
def all_reduce(rank, ranks, array, right, left):
    total = array.astype(np.float64)
    chunks = np.array_split(total, ranks)
    for step in range(ranks - 1):
        right.send(chunks[(rank - step) % ranks])
        chunks[(rank - step - 1) % ranks] += left.receive()
    for step in range(ranks - 1):
        right.send(chunks[(rank - step + 1) % ranks])
        chunks[(rank - step) % ranks][:] = left.receive()
    return total.astype(array.dtype)
