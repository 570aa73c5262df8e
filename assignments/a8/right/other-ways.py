# ruff: noqa
# why: windows by sorting in place of a state, sets of numbers in place of removing copies, a database as a sink, detectors as features, pandas in the report
# others: reference
# %% a8-predict-solution
def predict_windows(batches, window_s, delay_s):
    # The watermark of each micro-batch first, with the last, empty one; then each message meets its window's fate.
    marks = [float("-inf")]
    for times in batches:
        marks.append(max(marks[-1], max(times) - delay_s))
    handed_on_in = lambda end: next((k for k, mark in enumerate(marks) if mark >= end), None)
    windows = {}
    for k, times in enumerate(batches):
        for time in times:
            begin = (time // window_s) * window_s
            last = handed_on_in(begin + window_s)
            if last is None:
                continue
            if k <= last:
                windows.setdefault((begin, last), []).append(time)
    return sorted((begin, len(kept), last) for (begin, last), kept in windows.items())


# %% a8-count-solution
def count_measurements(stream, window_s, delay_s):
    stream = stream.withWatermark("event_time", "%d seconds" % delay_s)
    grouped = stream.groupBy("detector", F.window(F.col("event_time"), "%d seconds" % window_s))
    sets = grouped.agg(F.collect_set(F.col("event")).alias("events"))
    return sets.select(
        F.unix_timestamp(F.col("window")["start"]).alias("begin"),
        "detector",
        F.size("events").cast("long").alias("count"),
    )


# %% a8-sink-solution
import sqlite3


class Sink:
    def __init__(self, folder):
        self.file = os.path.join(folder, "rows.sqlite")
        with contextlib.closing(sqlite3.connect(self.file)) as database, database:
            database.execute("create table if not exists rows (batch integer, content text)")

    def write(self, frame, number):
        lines = [(int(number), json.dumps(row.asDict())) for row in frame.collect()]
        # One transaction: both statements, or none of them.
        with contextlib.closing(sqlite3.connect(self.file)) as database, database:
            database.execute("delete from rows where batch = ?", (int(number),))
            database.executemany("insert into rows values (?, ?)", lines)

    def read(self):
        with contextlib.closing(sqlite3.connect(self.file)) as database:
            found = database.execute("select batch, content from rows").fetchall()
        return [{"batch": batch, **json.loads(content)} for batch, content in found]


# %% a8-model-solution
def prepare(table, known):
    columns = [table["energy"].to_numpy(), table["width"].to_numpy()]
    columns += [(table["detector"].to_numpy() == k).astype(float) for k in range(known["detectors"])]
    return np.column_stack(columns)


def train(table):
    from sklearn.model_selection import GroupKFold, cross_val_predict

    known = {"detectors": int(table["detector"].max()) + 1}
    model = HistGradientBoostingClassifier(max_iter=80, random_state=3)
    features, labels = prepare(table, known), table["label"].to_numpy()
    # All copies of a measurement are in one fold; each measurement is scored by a model that has not seen it.
    apart = cross_val_predict(model, features, labels, groups=table["event"], cv=GroupKFold(4), method="predict_proba")
    first = ~table["event"].duplicated().to_numpy()
    area = auc(labels[first], apart[first, 1])
    target = io.BytesIO()
    joblib.dump((known, model.fit(features, labels)), target)
    return {"model": target.getvalue(), "auc": float(area.value), "auc_error": float(area.error)}


def score(messages, exported):
    known, model = load_model(exported)  # in the driver: Spark sends the model with the task

    @F.pandas_udf("double")
    def probability(detector: pd.Series, energy: pd.Series, width: pd.Series) -> pd.Series:
        table = pd.DataFrame({"detector": detector, "energy": energy, "width": width})
        return pd.Series(model.predict_proba(prepare(table, known))[:, 1])

    return messages.select(
        "event", "happened_s", "arrived_s", probability("detector", "energy", "width").alias("score")
    )


# %% a8-report-solution
def make_report(rows, trained):
    table = pd.DataFrame(rows)
    table["done_s"] = table.groupby("batch")["arrived_s"].transform("max")
    earliest = table.sort_values("batch", kind="stable").groupby("event", sort=True).first()
    latency = (earliest["done_s"] - earliest["happened_s"]).to_numpy()
    pairs = zip(earliest.index.tolist(), earliest["score"].tolist())
    return json.dumps(
        dict(
            messages=len(table),
            measurements=len(earliest),
            micro_batches=int(table["batch"].nunique()),
            latency_s=dict(median=float(np.median(latency)), largest=float(latency.max())),
            auc=trained["auc"],
            auc_error=trained["auc_error"],
            scores=[list(pair) for pair in pairs],
        ),
        allow_nan=False,
    )


# %% [markdown] a8-words-answer
# In the control room a short delay, for a publication a batch over the complete files. The source, the checkpoint and the sink.
