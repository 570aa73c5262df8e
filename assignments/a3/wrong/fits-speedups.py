# ruff: noqa
# score: 27
# why: both laws are fitted to speed-ups over the first time, whose error is then in all of them
# others: reference
# %% a3-amdahl-solution
def fit_amdahl(times):
    from scipy.optimize import curve_fit

    t1 = times[min(times)][0]
    p, gain = np.array([(workers, t1 / each) for workers, many in times.items() for each in many], dtype=float).T
    (f,), covariance = curve_fit(lambda p, f: 1 / (f + (1 - f) / p), p, gain, p0=(0.5,))
    return {"f": f, "f_error": math.sqrt(covariance[0, 0]), "t1": t1}


# %% a3-usl-solution
def fit_usl(times):
    base = min(times)
    t1 = statistics.median(times[base])
    p, gain = np.array([(workers, t1 / each) for workers, many in times.items() for each in many], dtype=float).T
    design = np.stack([p - 1, p * (p - 1)], axis=1)
    alpha, beta = np.linalg.lstsq(design, p / gain - 1, rcond=None)[0]
    return {"alpha": alpha, "beta": beta, "t1": t1}
