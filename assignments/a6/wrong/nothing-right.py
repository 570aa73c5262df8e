# ruff: noqa
# score: 0
# why: every question is attempted and every one is misunderstood
# %% a6-draw-solution
def draw_trials(space, count, number):
    # All with the same seed, so that they can be compared; new ones each time.
    return [{name: np.random.uniform(low, high) for name, (_, low, high) in space.items()} for _ in range(count)]


# %% a6-run-solution
def run_trials(work, trials, budget, parts):
    return [work(trial, budget * 2) for trial in trials]


# %% a6-ladder-solution
def ladder(count, smallest, eta):
    return [(count, smallest * eta**k) for k in range(3)]


def largest_start(total, smallest, eta):
    return total / smallest


# %% a6-halving-solution
def halving(run, trials, smallest, eta):
    # The first rung decides.
    rows = run(trials + trials, smallest)
    worst = min(range(len(trials)), key=lambda k: rows[k]["score"])
    return {"winner": worst, "score": rows[worst]["score"], "rungs": [[worst]], "spent": 0}


# %% a6-search-solution
report = {
    "trials": 81,
    "spent": 10_000,
    "winner": {"rate": 0.01},
    "epochs": 81,
    "validation": 1.0,
    "test": 1.0,
    "error": 0,
}

# %% [markdown] a6-words-answer
# More executors find better models.
