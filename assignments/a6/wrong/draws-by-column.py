# ruff: noqa
# score: 22
# why: all values of one name are drawn together, so that a longer search is another one
# others: reference
# %% a6-draw-solution
def draw_trials(space, count, number):
    rng = np.random.default_rng(number)
    columns = {"seed": rng.integers(2**32, size=count).tolist()}
    for name, (kind, low, high) in space.items():
        if kind == "log":
            columns[name] = np.exp(rng.uniform(np.log(low), np.log(high), count)).tolist()
        elif kind == "whole":
            columns[name] = rng.integers(low, high + 1, count).tolist()
        else:
            columns[name] = rng.uniform(low, high, count).tolist()
    return [dict(zip(columns, values)) for values in zip(*columns.values())]
