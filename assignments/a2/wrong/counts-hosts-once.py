# ruff: noqa
# score: 19
# why: different hosts of the whole log are counted, as if tasks knew of each other before they shuffle
# others: reference
# %% a2-predict-solution
def predict(partitions, known):
    rows = [row for part in partitions for row in part]
    return {
        "sum": len({host for host, _, _ in rows}),
        "distinct": len({(host, page) for host, page, _ in rows}),
        "join": len(rows) + len(known),
        "broadcast join": 0,
    }
