# ruff: noqa
# score: 6
# why: answers to what students see, written down one by one
# %% exam-balance-solution
def balance(labels):
    return {"signal": 0.2, "accuracy": 0.8, "auc": 0.5, "weights": [0.625, 2.5]}


# %% exam-split-solution
def split_rows(labels, shares, number):
    return [list(range(10)), list(range(10, 20)), list(range(20, 3000))]


# %% exam-fitting-solution
def diagnose(curve, error):
    return {"best": 4, "underfits": [1, 2], "overfits": [16]}


# %% exam-scatter-solution
def single(model, features, labels, number):
    return 1.0


def cross(model, features, labels, number):
    return 1.0


scatter = {"single": [1.0] * 20, "cross": [1.0] * 20}


# %% exam-findings-solution
def findings_of(times):
    return {"executors": 4, "speedup": 2.5, "efficiency": 0.625, "serial": 0.2}


def compare(first, second):
    return "first" if second["speedup"] < 2 else "not told apart"


def executors_for(times, deadline, limit):
    return None
