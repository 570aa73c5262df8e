# ruff: noqa
# score: 17
# why: small files are cut into two ranges for each core all the same, and a file without bytes into empty ranges
# others: reference
# %% a1-plan-solution
def partition_plan(size, cores):
    count = max(2, math.ceil(size / (128 * MiB * cores))) * cores
    edges = [size * k // count for k in range(count + 1)]
    return list(itertools.pairwise(edges))
