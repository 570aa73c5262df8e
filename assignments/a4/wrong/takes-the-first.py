# ruff: noqa
# score: 29
# why: nothing is chosen: always the first number of features
# others: reference
# %% a4-mend-solution
def honest_scores(features, labels, patients, folds, keeps):
    return out_of_fold(make_pipeline(LogisticRegression(max_iter=1000), keeps[0]), features, labels, folds)
