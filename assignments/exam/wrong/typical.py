# ruff: noqa
# score: 12
# why: a typical mistake in each of parts 1 to 5: background taken for the larger class, classes forgotten in the split, a forest as the new model, the largest area for the best, folds put together; part 6 is not attempted
# %% exam-balance-solution
def balance(labels):
    signal = float(np.mean(labels))
    if signal in (0, 1):
        raise ValueError("one class alone")
    return {"signal": signal, "accuracy": 1 - signal, "auc": 0.5, "weights": [1.0, (1 - signal) / signal]}


# %% exam-split-solution
def split_rows(labels, shares, number):
    rows = np.random.default_rng(number).permutation(len(labels))
    ends = np.rint(np.cumsum(shares) * len(labels)).astype(int)
    return [part.tolist() for part in np.split(rows, ends[:-1])]


# %% exam-newcomer-solution
def newcomer():
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(50, max_depth=6, random_state=0)


fitted = newcomer().fit(features[train], labels[train])
report = {
    name: auc(labels[part], fitted.predict_proba(features[part])[:, 1]).value
    for name, part in (("train", train), ("validation", validation), ("test", test))
}
report["error"] = math.sqrt(report["test"] * (1 - report["test"]) / len(test))


# %% exam-fitting-solution
def diagnose(curve, error):
    best = max(curve, key=lambda setting: curve[setting][1])
    return {
        "best": best,
        "underfits": sorted(each for each in curve if each < best),
        "overfits": sorted(each for each in curve if each > best),
    }


tree_curve = {}
for depth in (1, 2, 4, 8, 16):
    tree = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(features[train], labels[train])
    tree_curve[depth] = tuple(
        auc(labels[part], tree.predict_proba(features[part])[:, 1]).value for part in (train, validation)
    )


# %% exam-scatter-solution
def single(model, features, labels, number):
    learn, ask = train_test_split(np.arange(len(labels)), train_size=0.8, stratify=labels, random_state=number)
    return auc(labels[ask], clone(model).fit(features[learn], labels[learn]).predict_proba(features[ask])[:, 1]).value


def cross(model, features, labels, number):
    scores = np.zeros(len(labels))
    for learn, ask in StratifiedKFold(5, shuffle=True, random_state=0).split(features, labels):
        scores[ask] = clone(model).fit(features[learn], labels[learn]).predict_proba(features[ask])[:, 1]
    return auc(labels, scores).value


few, their_labels = features[train[:600]], labels[train[:600]]
scatter = {
    "single": [single(GaussianNB(), few, their_labels, number) for number in range(20)],
    "cross": [cross(GaussianNB(), few, their_labels, number) for number in range(20)],
}
