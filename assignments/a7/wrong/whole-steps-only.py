# ruff: noqa
# score: 25
# why: an epoch has as many steps as there are full batches
# others: reference
# %% a7-rate-solution
def learning_rate(step, batch, recipe):
    epoch = step / (recipe["rows"] // batch)
    full = recipe["rate"] * batch / recipe["batch"]
    if epoch < recipe["warmup"]:
        return recipe["rate"] + (full - recipe["rate"]) * epoch / recipe["warmup"]
    return full * recipe["factor"] ** sum(epoch >= drop for drop in recipe["drops"])
