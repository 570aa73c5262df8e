# ruff: noqa
# score: 28
# why: shares are forced into 0 to 1, as if what is not expected could not have been measured
# others: reference
# %% a3-karp-solution
def karp_flatt(times):
    gains = speedup(times)
    shares = {p: (1 / s - 1 / p) / (1 - 1 / p) for p, s in gains.items() if p > 1}
    return {p: min(max(share, 0.0), 1.0) for p, share in shares.items()}


# %% a3-usl-solution
def fit_usl(times):
    if len(times) < 3:
        raise ValueError("too few")
    p, seconds = np.array([(workers, each) for workers, many in times.items() for each in many], dtype=float).T
    design = np.stack([1 / p, (p - 1) / p, p - 1], axis=1)
    one, contention, coherence = np.linalg.lstsq(design, seconds, rcond=None)[0]
    return {"alpha": max(contention / one, 0.0), "beta": max(coherence / one, 0.0), "t1": one}
