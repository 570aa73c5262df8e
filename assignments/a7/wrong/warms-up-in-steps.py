# ruff: noqa
# score: 22
# why: the warm-up is counted in steps and from 0, and a drop comes a step late and only once
# others: reference
# %% a7-rate-solution
def learning_rate(step, batch, recipe):
    full = recipe["rate"] * batch / recipe["batch"]
    if step < recipe["warmup"]:
        return full * step / recipe["warmup"]
    epoch = step / math.ceil(recipe["rows"] / batch)
    return full * recipe["factor"] if any(epoch > drop for drop in recipe["drops"]) else full
