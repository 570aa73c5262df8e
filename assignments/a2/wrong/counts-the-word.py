# ruff: noqa
# score: 21
# why: the word is counted, so that a shuffle that is used again counts twice, and a column of that name once
# others: reference
# %% a2-plan-solution
def shuffles_in(plan):
    return plan.count("Exchange") - plan.count("BroadcastExchange")
