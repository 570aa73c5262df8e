# ruff: noqa
# score: 29
# why: the number of features is chosen by the area of the very scores that are given back
# others: reference
# %% a4-mend-solution
def honest_scores(features, labels, patients, folds, keeps):
    found = []
    for keep in keeps:
        scores = out_of_fold(make_pipeline(LogisticRegression(max_iter=1000), keep), features, labels, folds)
        found.append((auc(labels, scores), scores))
    return max(found)[1]
