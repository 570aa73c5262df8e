# ruff: noqa
# score: 21
# why: the mean in place of the median: several stragglers pull it up, and hide behind it
# others: reference
# %% a2-diagnose-solution
def diagnose(tasks):
    longest = max(tasks, key=lambda task: task["seconds"])
    if longest["seconds"] < 2 * statistics.mean(task["seconds"] for task in tasks):
        return "even", None
    paces = [task["seconds"] / task["records"] for task in tasks]
    if longest["seconds"] / longest["records"] < 2 * statistics.mean(paces):
        return "skew", longest["task"]
    return "slow host", longest["host"]
