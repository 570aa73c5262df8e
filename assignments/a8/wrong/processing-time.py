# ruff: noqa
# score: 12
# why: windows of the time of arrival; the watermark counts at once, in the micro-batch that moves it, and may go back; a sink that only adds
# others: reference
# %% a8-predict-solution
def predict_windows(batches, window_s, delay_s):
    counts, found = {}, []
    for number, times in enumerate(batches):
        for time in times:
            begin = time // window_s * window_s
            counts[begin] = counts.get(begin, 0) + 1
        watermark = max(times) - delay_s
        for begin in [begin for begin in counts if begin + window_s <= watermark]:
            found.append((begin, counts.pop(begin), number))
    return sorted(found)


# %% a8-count-solution
def count_measurements(stream, window_s, delay_s):
    return colleagues_job(stream, window_s, delay_s)


# %% a8-sink-solution
class Sink:
    def __init__(self, folder):
        self.file = Path(folder, "rows.jsonl")

    def write(self, frame, number):
        with self.file.open("a") as file:
            for row in frame.toLocalIterator():
                file.write(json.dumps({**row.asDict(), "batch": number}) + "\n")

    def read(self):
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []
