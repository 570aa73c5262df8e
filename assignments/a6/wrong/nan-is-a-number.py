# ruff: noqa
# score: 21
# why: nan and infinity are taken for scores, and a list that holds nan is sorted, which gives no order at all
# others: reference
# %% a6-run-solution
def run_trials(work, trials, budget, parts):
    def on_executor(frames):
        for frame in frames:
            for number in frame["id"]:
                try:
                    score, error = float(work(trials[number], budget)), ""
                except Exception as problem:
                    score, error = math.nan, f"{type(problem).__name__}: {problem}"
                yield pd.DataFrame({"trial": [number], "score": [score], "error": [error]})

    numbers = spark.range(0, len(trials), 1, parts)
    table = numbers.mapInPandas(on_executor, "trial long, score double, error string").toPandas()
    return table.to_dict("records")


# %% a6-halving-solution
def halving(run, trials, smallest, eta):
    found = {"winner": None, "score": math.nan, "rungs": [], "spent": 0}
    going = list(range(len(trials)))
    for room, budget in ladder(len(trials), smallest, eta):
        going = going[:room]
        rows = run([trials[place] for place in going], budget)
        found["rungs"].append(going)
        found["spent"] += budget * len(going)
        ranked = sorted(zip(rows, going), key=lambda pair: pair[0]["score"], reverse=True)
        going = [place for _, place in ranked]
        found |= {"winner": going[0], "score": ranked[0][0]["score"]}
    return found
