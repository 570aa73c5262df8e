# ruff: noqa
# score: 28
# why: the area is taken for a fraction of independent events, and the interval may leave 0 to 1
# others: reference
# %% a4-interval-solution
def auc_interval(labels, scores, level=0.95):
    from statistics import NormalDist

    area = auc(labels, scores)
    half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt((area * (1 - area) + 1e-3) / len(labels))
    return area - half, area + half
