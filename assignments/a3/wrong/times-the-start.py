# ruff: noqa
# score: 29
# why: the watch is stopped when the job has started, and the result is waited for afterwards
# others: reference
# %% a3-measure-solution
def measure(job, workers, repeats, clock):
    for p in workers:
        job(p).result()
    seconds = {p: [] for p in workers}
    for _ in range(repeats):
        for p in workers:
            begin = clock()
            future = job(p)
            seconds[p].append(clock() - begin)
            future.result()
    return seconds
