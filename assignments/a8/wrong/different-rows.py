# ruff: noqa
# score: 19
# why: the sink keeps different rows only, so messages that are equal are one; latencies until the message arrived, of all messages
# others: reference
# %% a8-sink-solution
class Sink:
    def __init__(self, folder):
        self.file = Path(folder, "rows.parquet")

    def write(self, frame, number):
        table = pd.concat(
            [*([pd.read_parquet(self.file)] if self.file.exists() else []), frame.toPandas().assign(batch=number)]
        )
        table.drop_duplicates([name for name in table if name != "batch"]).to_parquet(self.file, index=False)

    def read(self):
        return pd.read_parquet(self.file).to_dict("records") if self.file.exists() else []


# %% a8-report-solution
def make_report(rows, trained):
    latency = [row["arrived_s"] - row["happened_s"] for row in rows]
    scores = {row["event"]: row["score"] for row in rows}
    return json.dumps(
        {
            "messages": len(rows),
            "measurements": len(scores),
            "micro_batches": len({row["batch"] for row in rows}),
            "latency_s": {"median": statistics.median(latency), "largest": max(latency)},
            "auc": trained["auc"],
            "auc_error": trained["auc_error"],
            "scores": sorted([event, number] for event, number in scores.items()),
        }
    )
