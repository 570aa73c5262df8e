# ruff: noqa
# score: 17
# why: a row's place on its rung is taken for its place among all trials
# others: reference
# %% a6-halving-solution
def halving(run, trials, smallest, eta):
    found = {"winner": None, "score": math.nan, "rungs": [], "spent": 0}
    going = list(range(len(trials)))
    for room, budget in ladder(len(trials), smallest, eta):
        going = going[:room]
        rows = run([trials[place] for place in going], budget)
        found["rungs"].append(going)
        found["spent"] += budget * len(going)
        rows = [row for row in rows if not row["error"]]
        if not rows:
            break
        rows.sort(key=lambda row: -row["score"])
        going = [row["trial"] for row in rows]
        found |= {"winner": going[0], "score": rows[0]["score"]}
    return found
