# ruff: noqa
# score: 15
# why: rungs are rounded up, which costs more than planned
# others: reference
# %% a6-ladder-solution
def ladder(count, smallest, eta):
    rungs = []
    while count > 0:
        rungs.append((count, smallest))
        count, smallest = (math.ceil(count / eta) if count > 1 else 0), smallest * eta
    return rungs


def largest_start(total, smallest, eta):
    count = 0
    while sum(trials * budget for trials, budget in ladder(count + 1, smallest, eta)) <= total:
        count += 1
    return count
