# ruff: noqa
# score: 20
# why: the broadcast table is counted as if it were shuffled; it goes by way of the driver
# others: reference
# %% a2-predict-solution
def predict(partitions, known):
    return {
        "sum": sum(len({host for host, _, _ in part}) for part in partitions),
        "distinct": sum(len({(host, page) for host, page, _ in part}) for part in partitions),
        "join": sum(map(len, partitions)) + len(known),
        "broadcast join": len(known),
    }
