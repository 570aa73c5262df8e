# ruff: noqa
# score: 22
# why: the rate grows with the root of the batch, which is said of Adam and not of SGD
# others: reference
# %% a7-rate-solution
def learning_rate(step, batch, recipe):
    epoch = step / math.ceil(recipe["rows"] / batch)
    full = recipe["rate"] * math.sqrt(batch / recipe["batch"])
    if epoch < recipe["warmup"]:
        return recipe["rate"] + (full - recipe["rate"]) * epoch / recipe["warmup"]
    return full * recipe["factor"] ** sum(epoch >= drop for drop in recipe["drops"])
