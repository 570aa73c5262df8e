# ruff: noqa
# score: 18
# why: one job for each stump; and a missing value is compared with the edge, which always says right
# others: reference
# %% a5-bag-solution
def fit_bag(blocks, edges, count, number):
    stumps = []
    for k in range(count):
        features = draw_features(k, number, len(edges))
        drawn = blocks.map(
            lambda block, k=k: {**block, "weights": block["weights"] * draw_weights(block["ids"], k, number)}
        )
        nothing = np.zeros((len(edges), edges.shape[1] + 2, 2))
        histogram = drawn.map(lambda block: block_histogram(block, edges)).fold(nothing, merge)
        if stump := best_split(histogram[features]):
            stumps.append({**stump, "feature": features[stump["feature"]]})
    return stumps


# %% a5-predict-solution
def predict_bag(stumps, edges, features):
    votes = [
        np.where(features[:, stump["feature"]] < edges[stump["feature"], stump["bin"]], stump["left"], stump["right"])
        for stump in stumps
    ]
    return np.mean(votes, axis=0)
