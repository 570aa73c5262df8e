# ruff: noqa
# score: 17
# why: parts 1 to 4 are right, the others are not attempted
# %% exam-balance-solution
def balance(labels):
    zero, one = (sum(1 for label in labels if label == each) for each in (0, 1))
    if not zero or not one:
        raise ValueError("one class alone")
    total = zero + one
    return {
        "signal": one / total,
        "accuracy": max(zero, one) / total,
        "auc": 0.5,
        "weights": [total / zero / 2, total / one / 2],
    }


# %% exam-split-solution
def split_rows(labels, shares, number):
    draw = np.random.RandomState(number)
    part_of = np.empty(len(labels), dtype=int)
    for label in set(np.asarray(labels).tolist()):
        rows = np.flatnonzero(np.asarray(labels) == label)
        draw.shuffle(rows)
        part_of[rows] = np.searchsorted(np.cumsum(shares)[:-1] * len(rows), np.arange(len(rows)), side="right")
    return [np.flatnonzero(part_of == part).tolist() for part in range(len(shares))]


# %% exam-newcomer-solution
def newcomer():
    from sklearn.ensemble import AdaBoostClassifier

    return AdaBoostClassifier(n_estimators=40, random_state=1)


fitted = newcomer().fit(features[train], labels[train])
scores = fitted.predict_proba(features)[:, 1]
report = {
    "train": roc_auc_score(labels[train], scores[train]),
    "validation": roc_auc_score(labels[validation], scores[validation]),
    "test": roc_auc_score(labels[test], scores[test]),
    "error": auc(labels[test], scores[test]).error,
}


# %% exam-fitting-solution
def diagnose(curve, error):
    top = max(area for _, area in curve.values())
    for best in sorted(curve):
        if curve[best][1] >= top - error:
            break
    under, over = [], []
    for setting in sorted(curve):
        learnt, known = curve[setting]
        if setting < best and learnt < curve[best][0] and known < curve[best][1]:
            under.append(setting)
        if setting > best and learnt > curve[best][0] and known < top - error:
            over.append(setting)
    return {"best": best, "underfits": under, "overfits": over}


tree_curve = {}
for depth in (20, 12, 6, 3, 1):
    tree = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(features[train], labels[train])
    at_all = tree.predict_proba(features)[:, 1]
    tree_curve[depth] = (
        roc_auc_score(labels[train], at_all[train]),
        roc_auc_score(labels[validation], at_all[validation]),
    )
