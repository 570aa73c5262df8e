# ruff: noqa
# score: 27
# why: gaps are filled with means, and the first features are kept instead of the best
# others: reference
# %% a4-pipeline-solution
def make_pipeline(model, keep):
    from sklearn.preprocessing import FunctionTransformer

    return Pipeline(
        [
            ("fill", SimpleImputer(strategy="mean")),
            ("scale", StandardScaler()),
            ("choose", FunctionTransformer(np.take, kw_args={"indices": range(keep), "axis": 1})),
            ("model", model),
        ]
    )
