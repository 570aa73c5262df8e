# ruff: noqa
# score: 25
# why: one replica is trained on all rows, and the others copy it: no rank has its own part
# others: reference
# %% a7-keras-solution
def parallel_step(replicas, parts):
    replicas[0].train_on_batch(np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts]))
    for replica in replicas[1:]:
        replica.set_weights(replicas[0].get_weights())
