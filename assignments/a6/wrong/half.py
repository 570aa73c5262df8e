# ruff: noqa
# score: 8
# why: parts 1 and 3 are right, the others are not attempted
# %% a6-draw-solution
def draw_trials(space, count, number):
    found = []
    for place in range(count):
        rng = np.random.default_rng((number, place))
        trial = {}
        for name in space:
            kind, low, high = space[name]
            if kind == "log":
                trial[name] = 10 ** rng.uniform(np.log10(low), np.log10(high))
            elif kind == "linear":
                trial[name] = rng.uniform(low, high)
            else:
                trial[name] = int(rng.integers(low, high, endpoint=True))
        found.append(dict(trial, seed=int(rng.integers(0, 2**32))))
    return found


# %% a6-ladder-solution
def ladder(count, smallest, eta):
    if count == 0:
        return []
    if count == 1:
        return [(1, smallest)]
    return [(count, smallest), *ladder(max(count // eta, 1), smallest * eta, eta)]


def largest_start(total, smallest, eta):
    count = 1
    while sum(n * b for n, b in ladder(count, smallest, eta)) <= total:
        count += 1
    return count - 1
