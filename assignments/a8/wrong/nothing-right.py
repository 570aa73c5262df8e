# ruff: noqa
# score: 0
# why: every question is attempted and every one is misunderstood
# %% a8-predict-solution
def predict_windows(batches, window_s, delay_s):
    # Every window at the end, as a batch would.
    counts = {}
    for time in sum(batches, []):
        counts[time // window_s * window_s] = counts.get(time // window_s * window_s, 0) + 1
    return [(begin, count, len(batches)) for begin, count in sorted(counts.items())]


# %% a8-count-solution
def count_measurements(stream, window_s, delay_s):
    # No watermark, so nothing is ever final; Spark refuses it in the mode append.
    counts = stream.groupBy(F.window("event_time", f"{window_s} seconds"), "detector").count()
    return counts.select(F.col("window.start").cast("long").alias("begin"), "detector", "count")


# %% a8-sink-solution
class Sink:
    # In memory, and all at once.
    def __init__(self, folder):
        self.rows = []

    def write(self, frame, number):
        self.rows.extend({**row.asDict(), "batch": number} for row in frame.collect())

    def read(self):
        return self.rows


# %% a8-model-solution
def prepare(table, known):
    return table[["energy", "width"]].to_numpy()


def train(table):
    exported = io.BytesIO()
    joblib.dump(0.5, exported)
    return {"model": exported.getvalue(), "auc": 1.0, "auc_error": 0.0}


def score(messages, exported):
    # The energy is no number from 0 to 1, and copies are thrown away.
    return messages.dropDuplicates(["event"]).select("event", "happened_s", "arrived_s", F.col("energy").alias("score"))


# %% a8-report-solution
def make_report(rows, trained):
    return str({"messages": len(rows), "auc": trained["auc"]})


# %% [markdown] a8-words-answer
# Spark does that.
