# ruff: noqa
# score: 18
# why: the score is taken for a loss, so that the worst trials go on
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
        losses = {going[row["trial"]]: row["score"] for row in rows if not math.isnan(row["score"])}
        if not losses:
            break
        going = sorted(losses, key=losses.get)
        found |= {"winner": going[0], "score": losses[going[0]]}
    return found
