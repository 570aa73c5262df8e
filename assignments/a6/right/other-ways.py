# ruff: noqa
# why: random.Random in place of NumPy, rows of text through collect, recursion and bisection, arrays in place of dictionaries
# others: reference
# %% a6-draw-solution
import random


def draw_value(dice, kind, low, high):
    if kind == "linear":
        return low + (high - low) * dice.random()
    if kind == "whole":
        return dice.randint(low, high)
    return low * (high / low) ** dice.random()


def draw_trials(space, count, number):
    dice = random.Random(f"search {number}")
    return [
        {"seed": dice.getrandbits(32)} | {name: draw_value(dice, *bounds) for name, bounds in space.items()}
        for _ in range(count)
    ]


# %% a6-run-solution
def run_trials(work, trials, budget, parts):
    import json

    if len(trials) == 0:
        return []
    texts = [(json.dumps({"trial": k, "settings": trial}),) for k, trial in enumerate(trials)]

    def answer(text):
        task = json.loads(text)
        row = {"trial": task["trial"], "score": None, "error": ""}
        try:
            score = work(task["settings"], budget)
            if isinstance(score, (int, float)) and abs(score) < float("inf"):
                row["score"] = float(score)
            else:
                row["error"] = f"no score: {score!r}"
        except Exception as trouble:
            row["error"] = ": ".join([type(trouble).__name__, str(trouble)])
        return json.dumps(row)

    def on_executor(frames):
        for frame in frames:
            frame["value"] = frame["value"].map(answer)
            yield frame

    table = spark.createDataFrame(spark.sparkContext.parallelize(texts, parts), "value string")
    rows = [json.loads(row.value) for row in table.mapInPandas(on_executor, "value string").collect()]
    for row in rows:
        if row["score"] is None:
            row["score"] = float("nan")
    return rows


# %% a6-ladder-solution
def ladder(count, smallest, eta):
    if count < 2:
        return [(1, smallest)] * count
    return [(count, smallest)] + ladder(count // eta or 1, eta * smallest, eta)


def largest_start(total, smallest, eta):
    def can_be_paid(count):
        return np.sum([np.prod(rung) for rung in ladder(count, smallest, eta)]) <= total

    low, high = 0, total + 1
    while high - low > 1:
        middle = (low + high) // 2
        if can_be_paid(middle):
            low = middle
        else:
            high = middle
    return low


# %% a6-halving-solution
def halving(run, trials, smallest, eta):
    places, history, spent = np.arange(len(trials)), [], 0
    winner, last = None, float("nan")
    steps = iter(ladder(len(trials), smallest, eta))
    while len(places) and (step := next(steps, None)):
        count, budget = step
        places = places[:count]
        scores = np.array([row["score"] for row in run([trials[int(k)] for k in places], budget)])
        history.append(places.tolist())
        spent += budget * places.size
        places, scores = places[~np.isnan(scores)], scores[~np.isnan(scores)]
        order = np.lexsort((places, -scores))
        places = places[order]
        if places.size:
            winner, last = int(places[0]), float(scores[order[0]])
    return {"rungs": history, "spent": int(spent), "winner": winner, "score": last}


# %% a6-search-solution
def on_cluster(some, epochs):
    return run_trials(train_digits, some, epochs, min(4, len(some)))


count = largest_start(total, 1, 3)
drawn = draw_trials(SPACE, count, number)
result = halving(on_cluster, drawn, 1, 3)
chosen = drawn[result["winner"]]
longest = 3 ** (len(result["rungs"]) - 1)
p = test_accuracy(chosen, longest)
report = dict(trials=count, spent=result["spent"], winner=chosen, epochs=longest, validation=result["score"])
report |= dict(test=p, error=(p * (1 - p) / TEST_DIGITS) ** 0.5)

# %% [markdown] a6-words-answer
# The generator is copied to every task; count computes the table once more; ...
