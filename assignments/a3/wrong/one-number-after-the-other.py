# ruff: noqa
# score: 28
# why: no warm-up, each number measured to its end before the next
# others: reference
# %% a3-measure-solution
def measure(job, workers, repeats, clock):
    seconds = {}
    for p in workers:
        seconds[p] = []
        for _ in range(repeats):
            begin = clock()
            job(p).result()
            seconds[p].append(clock() - begin)
    return seconds
