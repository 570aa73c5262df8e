# ruff: noqa
# score: 27
# why: one standard deviation to each side, whatever the level
# others: reference
# %% a4-interval-solution
def auc_interval(labels, scores, level=0.95):
    area = auc(labels, scores)
    signal = int(np.sum(labels))
    background = len(labels) - signal
    of_signal, of_background = area / (2 - area) - area**2, 2 * area**2 / (1 + area) - area**2
    variance = area * (1 - area) + (signal - 1) * of_signal + (background - 1) * of_background
    half = math.sqrt(variance / (signal * background))
    return max(0.0, area - half), min(1.0, area + half)
