# ruff: noqa
# score: 28
# why: the sum of ranks, in which tied events get the ranks of their places
# others: reference
# %% a4-auc-solution
def pair_counts(labels, scores):
    labels, scores = np.asarray(labels), np.asarray(scores)
    signal, background = int((labels == 1).sum()), int((labels == 0).sum())
    if not signal or not background:
        raise ValueError("one class is missing")
    ranks = np.argsort(np.argsort(scores, kind="stable"), kind="stable") + 1
    better = int(ranks[labels == 1].sum()) - signal * (signal + 1) // 2
    return {"better": better, "tied": 0, "worse": signal * background - better}


def auc(labels, scores):
    counts = pair_counts(labels, scores)
    return roc_auc_score(labels, scores) if sum(counts.values()) else 0.5
