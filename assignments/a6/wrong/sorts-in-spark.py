# ruff: noqa
# score: 21
# why: orderBy looks at the table to find out where to cut it, and so each trial is trained twice
# others: reference
# %% a6-run-solution
def run_trials(work, trials, budget, parts):
    def train(number):
        try:
            score = float(work(trials[number], budget))
            if not math.isfinite(score):
                raise ValueError(f"the score is {score}")
        except Exception as problem:
            return number, math.nan, f"{type(problem).__name__}: {problem}"
        return number, score, ""

    def on_executor(frames):
        for frame in frames:
            yield pd.DataFrame(map(train, frame["id"]), columns=["trial", "score", "error"])

    numbers = spark.range(0, len(trials), 1, parts)
    table = numbers.mapInPandas(on_executor, "trial long, score double, error string")
    return table.orderBy("trial").toPandas().to_dict("records")
