# ruff: noqa
# score: 23
# why: the plain mean of the replicas' weights, and those without rows are trained on nothing
# others: reference
# %% a7-keras-solution
def parallel_step(replicas, parts):
    for replica, (x, y) in zip(replicas, parts):
        replica.train_on_batch(x, y)
    mean = [sum(arrays) / len(arrays) for arrays in zip(*(replica.get_weights() for replica in replicas))]
    for replica in replicas:
        replica.set_weights(mean)
