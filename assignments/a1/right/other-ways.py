# ruff: noqa
# why: every code question solved in another way: a formula in whole numbers, divmod, a Python function, grouping twice
# others: reference
# %% a1-spec-solution
def cluster_spec(n, mem):
    # Of what is left beside 256 MiB, the heap is two thirds. Search the smallest number of MiB between two bounds.
    low, high = 1024, 1024 + 2 * mem // MiB
    while low < high:
        middle = (low + high) // 2
        if ClusterSpec(memory=middle * MiB).executor_heap >= mem:
            high = middle
        else:
            low = middle + 1
    return ClusterSpec(name="a1", workers=n, cores=1, memory=low * MiB)


# %% a1-plan-solution
def partition_plan(size, cores):
    count = 2 * cores
    while size > count * 128 * MiB:
        count += cores
    if size < count * MiB:
        count = max(size // MiB, 1)
    length, longer = divmod(size, count)
    plan, start = [], 0
    for k in range(count):
        stop = start + length + (1 if k < longer else 0)
        if stop > start:
            plan.append([start, stop])
        start = stop
    return plan


# %% a1-parse-solution
def parse_logs(lines):
    import datetime
    import re

    request = re.compile(
        r'(?P<host>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>\S+) HTTP/\d\.\d" '
        r"(?P<status>\d{3}) (?P<size>\d+|-)"
    )

    @F.udf("host string, time timestamp, method string, path string, status int, size long")
    def parse(line):
        found = request.fullmatch(line)
        if found is None:
            return None
        try:
            time = datetime.datetime.strptime(found["time"], "%d/%b/%Y:%H:%M:%S %z")
        except ValueError:
            return None
        size = None if found["size"] == "-" else int(found["size"])
        return found["host"], time, found["method"], found["path"], int(found["status"]), size

    return lines.withColumn("request", parse("value")).select("request.*")


# %% a1-report-solution
def report(lines):
    requests = parse_logs(lines).cache()
    known = requests.dropna(subset=["host"])
    size = known.groupBy().sum("size").collect()[0][0]
    pages = known.select("host", "path").distinct().groupBy("host").count()
    best = pages.sort(pages["count"].desc(), pages["host"].asc()).limit(1).collect()
    count = requests.count()
    summary = {
        "lines": count,
        "malformed": count - known.count(),
        "bytes": 0 if size is None else size,
        "robot": best[0]["host"] if best else None,
    }
    requests.unpersist()
    return summary


# %% a1-release-solution
spark.stop()
cluster.close()
