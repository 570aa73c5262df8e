# ruff: noqa
# score: 24
# why: both laws are fitted to speed-ups over the first median, whose error is then in all of them
# others: reference
# %% a3-amdahl-solution
def fit_amdahl(times):
    base = min(times)
    t1 = statistics.median(times[base])
    x = np.array([1 / p for p, many in times.items() for _ in many])
    inverse = np.array([each / t1 for many in times.values() for each in many])
    f = np.sum((inverse - x) * (1 - x)) / np.sum((1 - x) ** 2)
    left = inverse - (f + (1 - f) * x)
    error = math.sqrt(left @ left / (len(x) - 1) / np.sum((1 - x) ** 2))
    return {"f": f, "f_error": error, "t1": t1}


# %% a3-usl-solution
def fit_usl(times):
    base = min(times)
    t1 = statistics.median(times[base])
    p, gain = np.array([(workers, t1 / each) for workers, many in times.items() for each in many], dtype=float).T
    design = np.stack([p - 1, p * (p - 1)], axis=1)
    alpha, beta = np.linalg.lstsq(design, p / gain - 1, rcond=None)[0]
    return {"alpha": alpha, "beta": beta, "t1": t1}
