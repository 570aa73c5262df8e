# ruff: noqa
# score: 10
# why: parts 1 and 2 are right, parts 3 to 5 are not attempted
# %% a1-spec-solution
def cluster_spec(n, mem):
    whole_mib = -(-(2 * 256 * MiB + 3 * mem) // (2 * MiB))
    return ClusterSpec(name="a1", workers=n, cores=1, memory=max(whole_mib * MiB, GiB))


# %% a1-plan-solution
def partition_plan(size, cores):
    count = 2 * cores
    while size > count * 128 * MiB:
        count += cores
    count = max(1, min(count, size // MiB))
    length, longer = divmod(size, count)
    plan, start = [], 0
    for k in range(count):
        stop = start + length + (k < longer)
        plan.append((start, stop))
        start = stop
    return plan if size else []
