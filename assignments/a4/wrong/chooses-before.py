# ruff: noqa
# score: 27
# why: all but the model is fitted to all rows, before they are cut into folds
# others: reference
# %% a4-fold-solution
def out_of_fold(pipeline, features, labels, folds):
    prepared = clone(pipeline[:-1]).fit_transform(features, labels)
    scores = np.full(len(labels), np.nan)
    for train, test in folds:
        model = clone(pipeline[-1]).fit(prepared[train], labels[train])
        scores[test] = model.predict_proba(prepared[test])[:, 1]
    return scores


# %% a4-mend-solution
def honest_scores(features, labels, patients, folds, keeps):
    scores = np.full(len(labels), np.nan)
    for train, test in folds:
        x, y = features[train], labels[train]
        inner = grouped_folds(patients[train].tolist(), 3)
        areas = []
        for keep in keeps:
            guess = np.zeros(len(y))
            for a, b in inner:
                guess[b] = (
                    make_pipeline(LogisticRegression(max_iter=1000), keep).fit(x[a], y[a]).predict_proba(x[b])[:, 1]
                )
            areas.append(roc_auc_score(y, guess))
        best = make_pipeline(LogisticRegression(max_iter=1000), keeps[int(np.argmax(areas))]).fit(x, y)
        scores[test] = best.predict_proba(features[test])[:, 1]
    return scores
