# ruff: noqa
# score: 0
# why: everything is attempted and every check fails: shares of the wrong class, parts that overlap, a model of the class, no case but the obvious one
# %% exam-balance-solution
def balance(labels):
    background = sum(1 for label in labels if label == 0) / len(labels)
    return {"signal": background, "accuracy": background, "auc": 1.0, "weights": [1.0, 1.0]}


# %% exam-split-solution
def split_rows(labels, shares, number):
    # how many rows of each part are right, which ones are not
    return [list(range(round(share * len(labels)))) for share in shares]


# %% exam-newcomer-solution
def newcomer():
    from sklearn.dummy import DummyClassifier

    return DummyClassifier()


fitted = newcomer().fit(features[train], labels[train])
report = {"train": 0.8, "validation": 0.8, "test": 0.8, "error": 0.1}


# %% exam-fitting-solution
def diagnose(curve, error):
    best = max(curve, key=lambda setting: curve[setting][0])
    return {"best": best, "underfits": [each for each in curve if each < best], "overfits": []}


tree_curve = {2: (0.7, 0.7), 4: (0.8, 0.75), 8: (0.9, 0.7)}


# %% exam-scatter-solution
def single(model, features, labels, number):
    fitted = clone(model).fit(features, labels)
    return 0.9 * auc(labels, fitted.predict_proba(features)[:, 1]).value


cross = single
scatter = {"single": [0.7] * 20, "cross": [0.7] * 20}

# %% exam-times-solution
times = {"forest": {1: [1.0, 1.0, 1.0], 2: [0.5, 0.5, 0.5]}, "descent": {1: [1.0], 2: [0.5]}}


# %% exam-findings-solution
def findings_of(times):
    gain = times[max(times)][0] / times[1][0]
    return {"executors": len(times), "speedup": gain, "efficiency": gain, "serial": 0.0}


def compare(first, second):
    return "second" if first["speedup"] > second["speedup"] else "first"


def executors_for(times, deadline, limit):
    return limit


# %% exam-conclusion-solution
conclusion = {name: findings_of(each) for name, each in times.items()} | {"better": "both"}

# %% [markdown] exam-discussion-answer
# Everything scales.
