# ruff: noqa
# score: 21
# why: a trial that raises an error ends the job, and with it the scores of all others
# others: reference
# %% a6-run-solution
def run_trials(work, trials, budget, parts):
    def on_executor(frames):
        for frame in frames:
            for number in frame["id"]:
                yield pd.DataFrame({"trial": [number], "score": [float(work(trials[number], budget))], "error": [""]})

    numbers = spark.range(0, len(trials), 1, parts)
    table = numbers.mapInPandas(on_executor, "trial long, score double, error string").toPandas()
    return table.to_dict("records")
