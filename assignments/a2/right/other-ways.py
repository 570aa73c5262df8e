# ruff: noqa
# why: counters in a loop, lines of the plan, SQL with a hint, a window, a union in place of a join, a salt from the row, sorting
# others: reference
# %% a2-predict-solution
def predict(partitions, known):
    found = {"sum": 0, "distinct": 0, "join": len(known), "broadcast join": 0}
    for part in partitions:
        hosts, pairs = set(), set()
        for row in part:
            hosts.add(row[0])
            pairs.add(row[:2])
            found["join"] += 1
        found["sum"] += len(hosts)
        found["distinct"] += len(pairs)
    return found


# %% a2-plan-solution
def shuffles_in(plan):
    operators = [line.lstrip(" :|+-*()0123456789").split(" ")[0] for line in plan.splitlines()]
    return operators.count("Exchange")


# %% a2-country-solution
def bytes_by_country(requests, hosts):
    return spark.sql(
        "select /*+ BROADCAST(h) */ country, sum(size) as bytes from {log} r join {table} h on r.host = h.host group by country",
        log=requests,
        table=hosts,
    )


# %% a2-busiest-solution
def busiest(requests, count):
    totals = requests.groupBy("host").sum("size").toDF("host", "bytes")
    place = F.row_number().over(Window.orderBy(-F.col("bytes"), F.col("host")))
    ranked = totals.withColumn("place", place).where(F.col("place") <= count)
    return ranked.sort("place").drop("place")


# %% a2-both-solution
def in_both(first, second):
    seen = first.select("host", F.lit(1).alias("week")).union(second.select("host", F.lit(2)))
    weeks = seen.groupBy("host").agg(F.min("week").alias("earliest"), F.max("week").alias("latest"))
    return weeks.where("earliest < latest").select("host")


# %% a2-salt-solution
def salted_join(requests, hosts, salts):
    number = F.abs(F.xxhash64("page", "size") % salts)
    every = F.array(*[F.lit(k) for k in range(salts)])
    copies = hosts.select("country", F.col("host").alias("name"), F.explode(every).alias("copy"))
    same = (F.col("host") == F.col("name")) & (number == F.col("copy"))
    return requests.join(copies, same).drop("name", "copy").select(*requests.columns, "country")


# %% a2-diagnose-solution
def diagnose(tasks):
    def middle(values):
        ordered = sorted(values)
        half = len(ordered) // 2
        return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2

    by_time = sorted(tasks, key=lambda task: -task["seconds"])
    last = by_time[0]
    if not last["seconds"] >= 2 * middle([task["seconds"] for task in by_time]):
        return ["even", None]
    works_slowly = last["seconds"] / last["records"] >= 2 * middle([t["seconds"] / t["records"] for t in by_time])
    return ["slow host", last["host"]] if works_slowly else ["skew", last["task"]]
