# ruff: noqa
# score: 17
# why: each partition counts its trials from 0, so that it trains the first ones again and again
# others: reference
# %% a6-run-solution
def run_trials(work, trials, budget, parts):
    def on_executor(frames):
        for frame in frames:
            for number in range(len(frame)):
                try:
                    score, error = float(work(trials[number], budget)), ""
                    if not math.isfinite(score):
                        score, error = math.nan, "no number"
                except Exception as problem:
                    score, error = math.nan, f"{type(problem).__name__}: {problem}"
                yield pd.DataFrame({"trial": [number], "score": [score], "error": [error]})

    numbers = spark.range(0, len(trials), 1, parts)
    table = numbers.mapInPandas(on_executor, "trial long, score double, error string").toPandas()
    return table.to_dict("records")
