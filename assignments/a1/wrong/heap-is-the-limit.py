# ruff: noqa
# score: 18
# why: the heap is taken for the worker's limit, so that the kernel would end the executor; small heaps come out right
# others: reference
# %% a1-spec-solution
def cluster_spec(n, mem):
    return ClusterSpec(name="a1", workers=n, cores=1, memory=max(math.ceil(mem / MiB) * MiB, GiB))
