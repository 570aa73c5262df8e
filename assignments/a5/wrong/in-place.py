# ruff: noqa
# score: 19
# why: the sum is written into the first argument, which somebody else may still need
# others: reference
# %% a5-merge-solution
def merge(first, second):
    first += second
    return first
