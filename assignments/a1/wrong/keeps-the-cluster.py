# ruff: noqa
# score: 19
# why: the work is right, and the session is left running
# others: reference
# %% a1-release-solution
print("done")
