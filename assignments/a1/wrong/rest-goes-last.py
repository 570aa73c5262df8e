# ruff: noqa
# score: 18
# why: the remainder of the division is put on the last range, so that the plan is not fair and a range may pass the bound
# others: reference
# %% a1-plan-solution
def partition_plan(size, cores):
    if size == 0:
        return []
    count = min(max(2, math.ceil(size / (128 * MiB * cores))) * cores, max(1, size // MiB))
    length = size // count
    return [(k * length, (k + 1) * length) for k in range(count - 1)] + [((count - 1) * length, size)]
