# ruff: noqa
# score: 21
# why: the right rows, trained one after the other in the driver
# others: reference
# %% a6-run-solution
def run_trials(work, trials, budget, parts):
    rows = []
    for number, trial in enumerate(trials):
        try:
            score = float(work(trial, budget))
            error = "" if math.isfinite(score) else f"ValueError: {score}"
        except Exception as problem:
            score, error = math.nan, f"{type(problem).__name__}: {problem}"
        rows.append({"trial": number, "score": math.nan if error else score, "error": error})
    return rows
