# ruff: noqa
# score: 16
# why: a message is dropped as soon as it is older than the watermark, whatever its window; copies are counted
# others: reference
# %% a8-predict-solution
def predict_windows(batches, window_s, delay_s):
    marks = [-1000000]
    for times in batches:
        marks.append(max(marks[-1], max(times) - delay_s))
    found = {}
    for number, times in enumerate(batches):
        for time in times:
            if time > marks[number]:
                begin = time // window_s * window_s
                last = [k for k, mark in enumerate(marks) if mark >= begin + window_s]
                if last:
                    found[begin, last[0]] = found.get((begin, last[0]), 0) + 1
    return sorted((begin, count, last) for (begin, last), count in found.items())


# %% a8-count-solution
def count_measurements(stream, window_s, delay_s):
    timed = stream.withWatermark("event_time", f"{delay_s} seconds")
    counts = timed.groupBy(F.window("event_time", f"{window_s} seconds"), "detector").count()
    return counts.select(F.col("window.start").cast("long").alias("begin"), "detector", "count")
