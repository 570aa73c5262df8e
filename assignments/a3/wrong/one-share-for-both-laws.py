# ruff: noqa
# score: 29
# why: Gustafson's share is put into Amdahl's formula as it is
# others: reference
# %% a3-gustafson-solution
def scaled_speedup(g, p):
    return 1 / (g + (1 - g) / p)


def to_amdahl(g, p):
    return g


def to_gustafson(f, p):
    return f * p
