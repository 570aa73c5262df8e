# ruff: noqa
# score: 17
# why: weights are drawn anew in each task, so that they depend on how the data is cut and on when it is computed
# others: reference
# %% a5-bag-solution
def fit_bag(blocks, edges, count, number):
    def histograms(block):
        rng = np.random.default_rng()
        drawn = [block["weights"] * rng.poisson(1, len(block["ids"])) for _ in range(count)]
        return np.stack([block_histogram({**block, "weights": weights}, edges) for weights in drawn])

    nothing = np.zeros((count, len(edges), edges.shape[1] + 2, 2))
    stumps = []
    for k, histogram in enumerate(blocks.map(histograms).fold(nothing, merge)):
        features = draw_features(k, number, len(edges))
        if stump := best_split(histogram[features]):
            stumps.append({**stump, "feature": features[stump["feature"]]})
    return stumps
