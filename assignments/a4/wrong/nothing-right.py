# ruff: noqa
# score: 0
# why: every question is attempted and every one is misunderstood
# %% a4-auc-solution
def pair_counts(labels, scores):
    # Events on the right side of 0.5, instead of pairs.
    right = sum((score > 0.5) == bool(label) for label, score in zip(labels, scores))
    return {"better": right, "tied": 0, "worse": len(labels) - right}


def auc(labels, scores):
    return np.mean([(score > 0.5) == bool(label) for label, score in zip(labels, scores)])


# %% a4-interval-solution
def auc_interval(labels, scores, level=0.95):
    return 0.45, 0.55


# %% a4-pipeline-solution
def make_pipeline(model, keep):
    return model


# %% a4-fold-solution
def out_of_fold(pipeline, features, labels, folds):
    return pipeline.fit(features, labels).predict(features)


# %% a4-group-solution
def grouped_folds(groups, number):
    return [(list(range(len(groups))), list(range(len(groups))))] * max(number, 2)


# %% a4-forward-solution
def forward_folds(times, cuts, horizon):
    return [(list(range(len(times))), [row]) for row in range(len(times))]


# %% a4-mend-solution
def honest_scores(features, labels, patients, folds, keeps):
    return LogisticRegression().fit(features, labels).predict_proba(features)[:, 1]


# %% [markdown] a4-leaks-answer
# All five are fine.
