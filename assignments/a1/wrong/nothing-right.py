# ruff: noqa
# score: 0
# why: every question is attempted and every one is misunderstood
# %% a1-spec-solution
def cluster_spec(n, mem):
    # One large machine instead of n small ones, and the heap taken for the whole worker.
    return ClusterSpec(name="a1", workers=1, cores=n, memory=max(mem, GiB))


# %% a1-plan-solution
def partition_plan(size, cores):
    # One range for each core, with the last byte included: neighbours overlap by one byte.
    step = size // cores
    return [(k * step, (k + 1) * step + 1) for k in range(cores)]


# %% a1-parse-solution
def parse_logs(lines):
    # Positions counted from 1 as in awk; what cannot be cast ends the job.
    part = F.split("value", " ")
    return lines.select(
        part[1].alias("host"),
        F.to_timestamp(part[4], "[dd/MMM/yyyy:HH:mm:ss").alias("time"),
        part[6].alias("method"),
        part[7].alias("path"),
        part[9].cast("int").alias("status"),
        part[10].cast("long").alias("size"),
    )


# %% a1-report-solution
def report(lines):
    rows = parse_logs(lines).collect()
    return {"lines": len(rows), "malformed": 0, "bytes": sum(row["size"] for row in rows), "robot": None}


# %% a1-release-solution
del spark  # forgetting the name does not stop the session

# %% [markdown] a1-boundary-answer
# Spark takes care of it.
