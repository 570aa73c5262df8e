# ruff: noqa
# score: 19
# why: always enough memory, but up to twice as much as needed
# others: reference
# %% a1-spec-solution
def cluster_spec(n, mem):
    memory = GiB
    while ClusterSpec(memory=memory).executor_heap < mem:
        memory *= 2
    return ClusterSpec(name="a1", workers=n, cores=1, memory=memory)
