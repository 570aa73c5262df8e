# ruff: noqa
# score: 18
# why: who waits ten times as long as was asked counts what is too late, and keeps it
# others: reference
# %% a8-count-solution
def count_measurements(stream, window_s, delay_s):
    timed = stream.withWatermark("event_time", f"{10 * delay_s} seconds")
    once = timed.dropDuplicatesWithinWatermark(["event"])
    counts = once.groupBy(F.window("event_time", f"{window_s} seconds"), "detector").count()
    return counts.select(F.col("window.start").cast("long").alias("begin"), "detector", "count")
