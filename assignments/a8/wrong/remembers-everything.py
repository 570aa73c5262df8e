# ruff: noqa
# score: 20
# why: copies are removed by their number alone, which Spark then never forgets; the sink remembers the last number in an attribute
# others: reference
# %% a8-count-solution
def count_measurements(stream, window_s, delay_s):
    timed = stream.withWatermark("event_time", f"{delay_s} seconds")
    counts = timed.dropDuplicates(["event"]).groupBy(F.window("event_time", f"{window_s} seconds"), "detector").count()
    return counts.select(F.col("window.start").cast("long").alias("begin"), "detector", "count")


# %% a8-sink-solution
class Sink:
    def __init__(self, folder):
        self.file, self.last = Path(folder, "rows.jsonl"), -1

    def write(self, frame, number):
        if number > self.last:
            lines = [json.dumps({**row.asDict(), "batch": number}) + "\n" for row in frame.collect()]
            with self.file.open("a") as file:
                file.writelines(lines)
            self.last = number

    def read(self):
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []
