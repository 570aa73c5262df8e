# ruff: noqa
# score: 27
# why: more workers are taken to be faster, whatever the law says
# others: reference
# %% a3-choice-solution
def fastest(usl, limit):
    return limit


def cheapest(usl, limit, deadline):
    return limit
