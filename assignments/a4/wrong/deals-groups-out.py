# ruff: noqa
# score: 28
# why: groups are dealt out like cards, whatever their size; too many folds are not refused
# others: reference
# %% a4-group-solution
def grouped_folds(groups, number):
    names = sorted(set(groups))
    of = {name: k * number // len(names) for k, name in enumerate(names)}
    rows = range(len(groups))
    return [
        ([row for row in rows if of[groups[row]] != k], [row for row in rows if of[groups[row]] == k])
        for k in range(number)
    ]
