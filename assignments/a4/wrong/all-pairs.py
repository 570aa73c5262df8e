# ruff: noqa
# score: 28
# why: right, but makes all pairs, and calls it a half when there are none
# others: reference
# %% a4-auc-solution
def pair_counts(labels, scores):
    labels, scores = np.asarray(labels), np.asarray(scores)
    apart = np.subtract.outer(scores[labels == 1], scores[labels == 0])
    return {"better": int((apart > 0).sum()), "tied": int((apart == 0).sum()), "worse": int((apart < 0).sum())}


def auc(labels, scores):
    counts = pair_counts(labels, scores)
    pairs = sum(counts.values())
    return (counts["better"] + counts["tied"] / 2) / pairs if pairs else 0.5
