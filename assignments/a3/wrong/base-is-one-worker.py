# ruff: noqa
# score: 29
# why: the textbook's formulas, which take the smallest number in the table for one worker
# others: reference
# %% a3-speedup-solution
def speedup(times):
    median = {workers: statistics.median(seconds) for workers, seconds in times.items()}
    base = median[min(median)]
    return {workers: base / seconds for workers, seconds in median.items()}


# %% a3-karp-solution
def karp_flatt(times):
    gains = speedup(times)
    return {p: (1 / s - 1 / p) / (1 - 1 / p) for p, s in gains.items() if p != min(times)}
