# ruff: noqa
# score: 18
# why: parts 1 to 3 are right, parts 4 to 6 are not attempted
# %% a4-auc-solution
def pair_counts(labels, scores):
    from scipy.stats import rankdata

    labels, scores = np.asarray(labels), np.asarray(scores)
    signal = labels == 1
    s, b = int(signal.sum()), int((labels == 0).sum())
    if s == 0 or b == 0:
        raise ValueError("there is no pair")
    low = rankdata(scores, "min")[signal] - rankdata(scores[signal], "min")
    high = rankdata(scores, "max")[signal] - rankdata(scores[signal], "max")
    better, up_to = int(low.sum()), int(high.sum())
    return {"better": better, "tied": up_to - better, "worse": s * b - up_to}


def auc(labels, scores):
    counts = pair_counts(labels, scores)
    return 0.5 + (counts["better"] - counts["worse"]) / 2 / sum(counts.values())


# %% a4-interval-solution
def auc_interval(labels, scores, level=0.95):
    # DeLong's variance: each event's share of better pairs, its scatter among signal and among background
    from scipy.stats import norm, rankdata

    labels, scores = np.asarray(labels), np.asarray(scores)
    signal, background = scores[labels == 1], scores[labels == 0]
    s, b = len(signal), len(background)
    ranks = rankdata(np.concatenate([signal, background]))
    of_signal = (ranks[:s] - rankdata(signal)) / b
    of_background = 1 - (ranks[s:] - rankdata(background)) / s
    sigma = np.sqrt(of_signal.var(ddof=1) / s + of_background.var(ddof=1) / b)
    low, high = of_signal.mean() + norm.ppf([(1 - level) / 2, (1 + level) / 2]) * sigma
    return max(low, 0.0), min(high, 1.0)


# %% a4-pipeline-solution
def make_pipeline(model, keep):
    import sklearn.pipeline as parts

    return parts.make_pipeline(
        SimpleImputer(strategy="median"), SelectKBest(f_classif, k=keep), StandardScaler(), model
    )


# %% a4-fold-solution
def out_of_fold(pipeline, features, labels, folds):
    found = [math.nan] * len(labels)
    for train, test in folds:
        fitted = clone(pipeline)
        fitted.fit(features[list(train)], labels[list(train)])
        for row, both in zip(test, fitted.predict_proba(features[list(test)])):
            found[row] = both[1]
    return found
