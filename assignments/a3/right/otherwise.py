# ruff: noqa
# score: 31
# why: closed forms and scipy instead of design matrices, a search in both directions, rounds that alternate
# %% a3-speedup-solution
def speedup(times):
    base = min(times)
    return {p: base * float(np.median(times[base]) / np.median(each)) for p, each in times.items()}


# %% a3-karp-solution
def karp_flatt(times):
    base, found = min(times), {}
    for p in times:
        if p == base:
            continue
        ratio = np.median(times[p]) / np.median(times[base])
        # ratio = (f + (1 - f) / p) / (f + (1 - f) / base), solved for f
        found[p] = float((1 / p - ratio / base) / (ratio * (1 - 1 / base) - (1 - 1 / p)))
    return found


# %% a3-cost-solution
def cost(times, single):
    for p in sorted(times):
        if np.median(times[p]) < np.median(single):
            return p
    return None


# %% a3-amdahl-solution
def fit_amdahl(times):
    from scipy.optimize import curve_fit

    p = np.array([workers for workers, each in times.items() for _ in each], dtype=float)
    y = np.array([seconds for each in times.values() for seconds in each])
    if len(np.unique(p)) < 2 or len(y) < 3:
        raise ValueError("too few times")
    line, covariance = curve_fit(lambda p, a, b: a + b / p, p, y, p0=(0.0, y.max()))
    a, b = line
    grad = np.array([b, -a]) / (a + b) ** 2
    return {"f": a / (a + b), "f_error": np.sqrt(grad @ covariance @ grad), "t1": a + b}


# %% a3-gustafson-solution
def scaled_speedup(g, p):
    return p - g * (p - 1)


def to_amdahl(g, p):
    return g / scaled_speedup(g, p)


def to_gustafson(f, p):
    return f * p / (1 + f * (p - 1))


# %% a3-usl-solution
def fit_usl(times):
    p = np.concatenate([np.full(len(each), workers, dtype=float) for workers, each in times.items()])
    y = np.concatenate([np.asarray(each, dtype=float) for each in times.values()])
    if len(set(p)) < 3:
        raise ValueError("too few numbers of workers")
    # T = c0 / p + c1 + c2 * p, with t1 = c0 + c1 + c2, beta = c2 / t1, alpha = (c1 + c2) / t1
    design = np.column_stack([1 / p, np.ones_like(p), p])
    c0, c1, c2 = np.linalg.solve(design.T @ design, design.T @ y)
    t1 = c0 + c1 + c2
    return {"alpha": (c1 + c2) / t1, "beta": c2 / t1, "t1": t1}


# %% a3-choice-solution
def seconds_on(usl, p):
    return usl["t1"] * ((1 - usl["alpha"]) / p + usl["alpha"] + usl["beta"] * (p - 1))


def fastest(usl, limit):
    best = 1
    for p in range(2, limit + 1):
        if seconds_on(usl, p) < seconds_on(usl, best) - 1e-15 * usl["t1"]:
            best = p
    return best


def cheapest(usl, limit, deadline):
    p = np.arange(1, limit + 1)
    seconds = usl["t1"] * (1 + usl["alpha"] * (p - 1) + usl["beta"] * p * (p - 1)) / p
    price = np.where(seconds <= deadline, p * seconds, np.inf)
    return int(p[np.argmin(price)]) if np.isfinite(price).any() else None


# %% a3-measure-solution
def measure(job, workers, repeats, clock):
    def run(p):
        begin = clock()
        job(p).result()
        end = clock()
        return end - begin

    [run(p) for p in workers]
    seconds = {p: [] for p in workers}
    for turn in range(repeats):
        for p in workers if turn % 2 == 0 else reversed(workers):
            seconds[p].append(run(p))
    return seconds


# %% a3-curve-solution
measure(archive, [1, 2], 1, time.perf_counter)  # to see how long it takes
curve = measure(archive, [3, 1, 2], 5, time.perf_counter)
environment = {
    "cores": os.cpu_count(),
    "python": platform.python_version(),
    "system": platform.platform(),
    "blocks": len(raw),
    "measured": f"{datetime.now():%Y-%m-%dT%H:%M}",
    "load": os.getloadavg(),
}
gain = float(np.median(curve[1]) / np.median(curve[3]))
findings = {"workers": 3, "seconds": float(np.median(curve[1])), "speedup": gain, "efficiency": gain / 3}

# %% [markdown] a3-reading-answer
# S(16) = 14.9, e(2) = -0.009, e(16) = 0.005; one machine with 176 GB reaches over to its second processor's memory.
