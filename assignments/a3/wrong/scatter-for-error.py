# ruff: noqa
# score: 29
# why: the scatter of single times is given as the error of the share, and one number of workers gets an answer
# others: reference
# %% a3-amdahl-solution
def fit_amdahl(times):
    x, seconds = np.array([(1 / p, each) for p, many in times.items() for each in many] or [(1.0, 1.0)]).T
    design = np.stack([np.ones_like(x), x], axis=1)
    (serial, parallel), *_ = np.linalg.lstsq(design, seconds, rcond=None)
    left = seconds - design @ (serial, parallel)
    return {"f": serial / (serial + parallel), "f_error": left.std() / (serial + parallel), "t1": serial + parallel}
