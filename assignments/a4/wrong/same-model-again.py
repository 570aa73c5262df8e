# ruff: noqa
# score: 29
# why: the pipeline that was given is fitted again and again, and rows that are not tested get a score all the same
# others: reference
# %% a4-fold-solution
def out_of_fold(pipeline, features, labels, folds):
    scores = np.zeros(len(labels))
    for train, test in folds:
        scores[test] = pipeline.fit(features[train], labels[train]).predict_proba(features[test])[:, 1]
    return scores
