# ruff: noqa
# score: 27
# why: only better pairs count, as in a curve that is drawn without its slanted pieces
# others: reference
# %% a4-auc-solution
def pair_counts(labels, scores):
    labels, scores = np.asarray(labels), np.asarray(scores)
    signal, background = scores[labels == 1], np.sort(scores[labels == 0])
    if not signal.size or not background.size:
        raise ValueError("one class is missing")
    below = np.searchsorted(background, signal, side="left")
    up_to = np.searchsorted(background, signal, side="right")
    better, tied = int(below.sum()), int((up_to - below).sum())
    return {"better": better, "tied": tied, "worse": signal.size * background.size - better - tied}


def auc(labels, scores):
    counts = pair_counts(labels, scores)
    return counts["better"] / sum(counts.values())
