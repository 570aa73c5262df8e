# ruff: noqa
# score: 15
# why: parts 1 and 2 are right, parts 3 to 5 are not attempted
# %% a2-predict-solution
def predict(partitions, known):
    hosts = [{row[0] for row in part} for part in partitions]
    pairs = [{row[:2] for row in part} for part in partitions]
    rows = sum(len(part) for part in partitions)
    return {
        "sum": sum(map(len, hosts)),
        "distinct": sum(map(len, pairs)),
        "join": rows + len(known),
        "broadcast join": 0,
    }


# %% a2-plan-solution
def shuffles_in(plan):
    return sum(line.lstrip(" :|+-*()0123456789").startswith("Exchange ") for line in plan.splitlines())


# %% a2-country-solution
def bytes_by_country(requests, hosts):
    return requests.join(hosts.hint("broadcast"), "host").groupBy("country").agg(F.sum("size").alias("bytes"))


# %% a2-busiest-solution
def busiest(requests, count):
    totals = requests.groupBy("host").agg(F.sum("size").alias("bytes"))
    return totals.orderBy(F.col("bytes").desc(), F.col("host").asc()).limit(count)


# %% a2-both-solution
def in_both(first, second):
    return first.select("host").distinct().join(second.select("host").distinct(), "host", "semi")
