# ruff: noqa
# score: 0
# why: every question is attempted and every one is misunderstood
# %% a5-histogram-solution
def block_histogram(block, edges):
    # One histogram for both labels, without a bin for what is missing.
    return np.stack(
        [np.histogram(column, np.array([-9, *cuts, 9]))[0] for column, cuts in zip(block["features"].T, edges)]
    )


# %% a5-merge-solution
def merge(first, second):
    # The mean, which is not associative.
    return (first + second) / 2


# %% a5-split-solution
def best_split(histogram):
    # The fullest bin.
    feature, place, _ = np.unravel_index(np.argmax(histogram), histogram.shape)
    return {"feature": int(feature), "bin": int(place), "missing_left": True, "gain": 1.0, "left": 1.0, "right": 0.0}


# %% a5-stump-solution
def fit_stump(blocks, edges):
    # The first block stands for all.
    return best_split(block_histogram(blocks.first(), edges))


# %% a5-bag-solution
def fit_bag(blocks, edges, count, number):
    # The same stump many times.
    return [fit_stump(blocks, edges)] * count


# %% a5-predict-solution
def predict_bag(stumps, edges, features):
    # The last stump decides.
    return (features[:, stumps[-1]["feature"]] > 0).astype(float)


# %% [markdown] a5-words-answer
# The cluster does it.
