# ruff: noqa
# score: 16
# why: parts 1 to 3 are right, parts 4 to 6 are not attempted
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
    x = [1 / p for p, each in times.items() for _ in each]
    y = [t for each in times.values() for t in each]
    if len(set(x)) < 2 or len(y) < 3:
        raise ValueError
    n, mx, my = len(x), statistics.fmean(x), statistics.fmean(y)
    sxx = sum((a - mx) ** 2 for a in x)
    b = sum((a - mx) * (c - my) for a, c in zip(x, y)) / sxx
    a = my - b * mx
    s2 = sum((c - a - b * z) ** 2 for z, c in zip(x, y)) / (n - 2)
    vb, va, vab = s2 / sxx, s2 * (1 / n + mx**2 / sxx), -s2 * mx / sxx
    t1 = a + b
    return {"f": a / t1, "f_error": math.sqrt(b * b * va + a * a * vb - 2 * a * b * vab) / t1**2, "t1": t1}


# %% a3-gustafson-solution
def scaled_speedup(g, p):
    return p - g * (p - 1)


def to_amdahl(g, p):
    return g / scaled_speedup(g, p)


def to_gustafson(f, p):
    return f * p / (1 + f * (p - 1))
