# ruff: noqa
# score: 28
# why: scaling is done by a function that learns nothing, so events are scaled by those that are scored with them
# others: reference
# %% a4-pipeline-solution
def make_pipeline(model, keep):
    from sklearn.preprocessing import FunctionTransformer

    def scale(x):
        return (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1)

    return Pipeline(
        [
            ("fill", SimpleImputer(strategy="median")),
            ("scale", FunctionTransformer(scale)),
            ("choose", SelectKBest(f_classif, k=keep)),
            ("model", model),
        ]
    )
