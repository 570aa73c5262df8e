# ruff: noqa
# score: 20
# why: only powers of eta are thought of, so that a part of the budget is left
# others: reference
# %% a6-ladder-solution
def ladder(count, smallest, eta):
    rungs = []
    while count > 0:
        rungs.append((count, smallest))
        count, smallest = (max(1, count // eta) if count > 1 else 0), smallest * eta
    return rungs


def largest_start(total, smallest, eta):
    rungs = 0
    while (rungs + 1) * smallest * eta**rungs <= total:
        rungs += 1
    return eta ** (rungs - 1) if rungs else 0
