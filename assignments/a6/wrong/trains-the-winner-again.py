# ruff: noqa
# score: 21
# why: the winner is trained once more to get its score, which nobody has budgeted
# others: reference
# %% a6-halving-solution
def halving(run, trials, smallest, eta):
    rungs, spent, winner, budget_of_winner = [], 0, None, None
    going = list(range(len(trials)))
    for room, budget in ladder(len(trials), smallest, eta):
        going = going[:room]
        rows = run([trials[place] for place in going], budget)
        rungs.append(going)
        spent += budget * len(going)
        scores = {going[row["trial"]]: row["score"] for row in rows if not math.isnan(row["score"])}
        if not scores:
            break
        going = sorted(scores, key=lambda place: (-scores[place], place))
        winner, budget_of_winner = going[0], budget
    score = math.nan if winner is None else run([trials[winner]], budget_of_winner)[0]["score"]
    return {"winner": winner, "score": score, "rungs": rungs, "spent": spent}
