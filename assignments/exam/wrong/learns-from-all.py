# ruff: noqa
# score: 7
# why: the new model is fitted to all events before its areas are reported, and the split goes by the order of the events; the rest is not attempted
# %% exam-split-solution
def split_rows(labels, shares, number):
    parts = [[] for _ in shares]
    for label in (0, 1):
        rows = [row for row, each in enumerate(labels) if each == label]
        begin = 0
        for part, end in zip(parts, np.rint(np.cumsum(shares) * len(rows)).astype(int), strict=True):
            part += rows[begin:end]
            begin = end
    return parts


# %% exam-newcomer-solution
def newcomer():
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(40, random_state=0)


fitted = newcomer().fit(features, labels)
found = {
    name: auc(labels[part], fitted.predict_proba(features[part])[:, 1])
    for name, part in (("train", train), ("validation", validation), ("test", test))
}
report = {name: area.value for name, area in found.items()} | {"error": found["test"].error}


# %% exam-fitting-solution
def diagnose(curve, error):
    top = max(area for _, area in curve.values())
    best = min(setting for setting in curve if curve[setting][1] >= top - error)
    return {
        "best": best,
        "underfits": [each for each in sorted(curve) if each < best],
        "overfits": [each for each in sorted(curve) if each > best and curve[each][1] < top - error],
    }


tree_curve = {depth: (0.6 + 0.02 * depth, 0.75 - 0.005 * depth) for depth in (1, 2, 5, 10, 20)}
