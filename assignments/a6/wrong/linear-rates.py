# ruff: noqa
# score: 21
# why: everything is drawn on a linear scale, and whole numbers are cut off, so that the highest never comes
# others: reference
# %% a6-draw-solution
def draw_trials(space, count, number):
    rng = np.random.default_rng(number)
    trials = []
    for _ in range(count):
        trial = {"seed": int(rng.integers(2**32))}
        for name, (kind, low, high) in space.items():
            value = rng.uniform(low, high)
            trial[name] = math.floor(value) if kind == "whole" else value
        trials.append(trial)
    return trials
