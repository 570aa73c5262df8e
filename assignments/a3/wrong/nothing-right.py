# ruff: noqa
# score: 0
# why: every question is attempted and every one is misunderstood
# %% a3-speedup-solution
def speedup(times):
    # The gain in per cent of the first time, without a base.
    first = next(iter(times.values()))[0]
    return {p: 100 * (first - min(seconds)) / first for p, seconds in times.items()}


# %% a3-karp-solution
def karp_flatt(times):
    return {p: 1 - s / p for p, s in speedup(times).items()}


# %% a3-cost-solution
def cost(times, single):
    return max(times)


# %% a3-amdahl-solution
def fit_amdahl(times):
    p = np.array(list(times))
    slope, start = np.polyfit(p, [min(each) for each in times.values()], 1)
    return {"f": slope, "f_error": 0.0, "t1": start}


# %% a3-gustafson-solution
def scaled_speedup(g, p):
    return p * (1 - g)


def to_amdahl(g, p):
    return 1 - g


def to_gustafson(f, p):
    return 1 - f


# %% a3-usl-solution
def fit_usl(times):
    return {"alpha": 0, "beta": 0, "t1": times[1]}


# %% a3-choice-solution
def fastest(usl, limit):
    return math.sqrt((1 - usl["alpha"]) / usl["beta"])


def cheapest(usl, limit, deadline):
    return 1


# %% a3-measure-solution
def measure(job, workers, repeats, clock):
    # All at once, to save time.
    begin = clock()
    futures = {p: job(p) for p in workers}
    return {p: [clock() - begin] for p in futures}


# %% a3-curve-solution
curve = {1: 1.0, 2: 0.5, 4: 0.25}
environment = "my laptop"
findings = "it scales perfectly"

# %% [markdown] a3-reading-answer
# Linear.
