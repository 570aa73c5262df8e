# ruff: noqa
# score: 30
# why: ranks, a bootstrap, scikit-learn's own folds and search
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
    labels, scores = np.asarray(labels), np.asarray(scores)
    signal, background = scores[labels == 1], scores[labels == 0]
    random, areas = np.random.default_rng(7), []
    for _ in range(200):
        mine = random.choice(signal, len(signal))
        yours = np.sort(random.choice(background, len(background)))
        places = np.searchsorted(yours, mine, "left") + np.searchsorted(yours, mine, "right")
        areas.append(places.mean() / 2 / len(yours))
    return tuple(np.quantile(areas, [(1 - level) / 2, (1 + level) / 2]))


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


# %% a4-group-solution
def grouped_folds(groups, number):
    from sklearn.model_selection import GroupKFold

    groups = np.asarray(groups)
    return [(train, test) for train, test in GroupKFold(number).split(groups, groups=groups)]


# %% a4-forward-solution
def forward_folds(times, cuts, horizon):
    times, folds = np.asarray(times), []
    for k in range(len(cuts) - 1):
        train = np.flatnonzero(times <= cuts[k] - horizon)
        test = np.flatnonzero((times >= cuts[k]) & (times < cuts[k + 1]))
        if len(train) and len(test):
            folds.append((train, test))
    return folds


# %% a4-mend-solution
def honest_scores(features, labels, patients, folds, keeps):
    from sklearn.model_selection import GridSearchCV, GroupKFold

    scores = np.full(len(labels), np.nan)
    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("choose", SelectKBest(f_classif)),
            ("model", LogisticRegression(max_iter=1000)),
        ]
    )
    for train, test in folds:
        search = GridSearchCV(pipeline, {"choose__k": list(keeps)}, scoring="roc_auc", cv=GroupKFold(3))
        search.fit(features[train], labels[train], groups=patients[train])
        scores[test] = search.predict_proba(features[test])[:, 1]
    return scores


# %% [markdown] a4-leaks-answer
# Early stopping on the test set, a split that is decided twice, a feature from after the diagnosis, copies on both sides, the best of thirty.
