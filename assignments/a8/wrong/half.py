# ruff: noqa
# score: 12
# why: parts 1 to 3 are right, parts 4 to 6 are not attempted
# %% a8-predict-solution
def predict_windows(batches, window_s, delay_s):
    watermark, ahead = -1, -1
    sums, result = {}, []
    for number in range(len(batches) + 1):
        times = batches[number] if number < len(batches) else []
        old, watermark = watermark, ahead
        for time in times:
            end = (time // window_s + 1) * window_s
            if end > old:
                sums[end] = sums.get(end, 0) + 1
        for end in [end for end in sums if end <= watermark]:
            result.append((end - window_s, sums.pop(end), number))
        ahead = max([ahead] + [time - delay_s for time in times])
    return sorted(result)


# %% a8-count-solution
def count_measurements(stream, window_s, delay_s):
    timed = stream.withWatermark("event_time", f"{delay_s} seconds")
    once = timed.dropDuplicates(["event", "event_time"])
    counts = once.groupBy("detector", F.window("event_time", f"{window_s} seconds")).agg(F.count("*").alias("count"))
    return counts.select(F.col("window.start").cast("long").alias("begin"), "detector", "count")


# %% a8-sink-solution
class Sink:
    def __init__(self, folder):
        self.folder = folder

    def write(self, frame, number):
        frame.coalesce(1).write.mode("overwrite").parquet(f"{self.folder}/number={number}")

    def read(self):
        rows = []
        for place in Path(self.folder).glob("number=*/_SUCCESS"):
            for row in spark.read.parquet(str(place.parent)).collect():
                rows.append({**row.asDict(), "batch": int(place.parent.name.removeprefix("number="))})
        return rows
