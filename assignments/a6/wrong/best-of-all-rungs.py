# ruff: noqa
# score: 21
# why: the highest score of any rung wins, though on small rungs it is mostly luck
# others: reference
# %% a6-halving-solution
def halving(run, trials, smallest, eta):
    found = {"winner": None, "score": math.nan, "rungs": [], "spent": 0}
    best = -math.inf
    going = list(range(len(trials)))
    for room, budget in ladder(len(trials), smallest, eta):
        going = going[:room]
        rows = run([trials[place] for place in going], budget)
        found["rungs"].append(going)
        found["spent"] += budget * len(going)
        scores = {going[row["trial"]]: row["score"] for row in rows if not math.isnan(row["score"])}
        if not scores:
            break
        going = sorted(scores, key=lambda place: (-scores[place], place))
        if scores[going[0]] > best:
            best = scores[going[0]]
            found |= {"winner": going[0], "score": best}
    return found
