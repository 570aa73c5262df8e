# ruff: noqa
# score: 27
# why: rows are cut in their order, without looking at their groups
# others: reference
# %% a4-group-solution
def grouped_folds(groups, number):
    rows = range(len(groups))
    return [
        ([row for row in rows if row % number != k], [row for row in rows if row % number == k]) for k in range(number)
    ]
