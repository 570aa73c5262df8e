# ruff: noqa
# score: 27
# why: trains on all rows before the cut, whether their labels are known or not, and keeps folds that test nothing
# others: reference
# %% a4-forward-solution
def forward_folds(times, cuts, horizon):
    rows = range(len(times))
    return [
        ([row for row in rows if times[row] < start], [row for row in rows if start <= times[row] < stop])
        for start, stop in itertools.pairwise(cuts)
    ]
