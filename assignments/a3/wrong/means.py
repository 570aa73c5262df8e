# ruff: noqa
# score: 27
# why: means instead of medians, in all of part 1, and so in what is said of the own curve
# others: reference
# %% a3-speedup-solution
def speedup(times):
    mean = {workers: statistics.fmean(seconds) for workers, seconds in times.items()}
    base = min(mean)
    return {workers: base * mean[base] / seconds for workers, seconds in mean.items()}


# %% a3-karp-solution
def karp_flatt(times):
    mean = {workers: statistics.fmean(seconds) for workers, seconds in times.items()}
    base = min(mean)
    shares = {}
    for workers in mean.keys() - {base}:
        parallel = (mean[base] - mean[workers]) / (1 / base - 1 / workers)
        serial = mean[base] - parallel / base
        shares[workers] = serial / (serial + parallel)
    return shares


# %% a3-cost-solution
def cost(times, single):
    limit = statistics.fmean(single)
    return min((workers for workers, seconds in times.items() if statistics.fmean(seconds) < limit), default=None)
