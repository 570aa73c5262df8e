# ruff: noqa
# score: 16
# why: a straight line cannot find a peak; the error is the spread of nothing; the report counts copies as measurements, and takes the later one
# others: reference
# %% a8-model-solution
def prepare(table, known):
    return table[["energy", "width"]].to_numpy()


def train(table):
    from sklearn.linear_model import LogisticRegression

    ours, held = train_test_split(table, test_size=0.3, random_state=0)
    model = LogisticRegression().fit(prepare(ours, {}), ours["label"])
    area = auc(held["label"], model.predict_proba(prepare(held, {}))[:, 1])
    exported = io.BytesIO()
    joblib.dump(model, exported)
    return {"model": exported.getvalue(), "auc": area.value, "auc_error": 0.0}


def score(messages, exported):
    def of_tables(tables):
        model = load_model(exported)
        for table in tables:
            scores = model.predict_proba(prepare(table, {}))[:, 1]
            yield table[["event", "happened_s", "arrived_s"]].assign(score=scores)

    return messages.mapInPandas(of_tables, "event long, happened_s double, arrived_s double, score double")


# %% a8-report-solution
def make_report(rows, trained):
    done = {}
    for row in rows:
        done[row["batch"]] = max(done.get(row["batch"], 0), row["arrived_s"])
    latency = [done[row["batch"]] - row["happened_s"] for row in rows]
    report = {
        "messages": len(rows),
        "measurements": len(rows),
        "micro_batches": len(done),
        "latency_s": {"median": statistics.median(latency), "largest": max(latency)},
        "auc": trained["auc"],
        "auc_error": trained["auc_error"],
        "scores": sorted([row["event"], row["score"]] for row in rows),
    }
    return json.dumps(report)
