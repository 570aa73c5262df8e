# ruff: noqa
# score: 0
# why: every question is attempted and every one is misunderstood
# %% a2-predict-solution
def predict(partitions, known):
    # Every query shuffles every request.
    rows = sum(map(len, partitions))
    return {"sum": rows, "distinct": rows, "join": rows, "broadcast join": rows}


# %% a2-plan-solution
def shuffles_in(plan):
    return plan.count("Exchange")


# %% a2-country-solution
def bytes_by_country(requests, hosts):
    # By host and not by country.
    return requests.groupBy("host").agg(F.sum("size").alias("bytes"))


# %% a2-busiest-solution
def busiest(requests, count):
    # The most requests and not the most bytes.
    return requests.groupBy("host").count().orderBy(F.desc("count"), "host").limit(count)


# %% a2-both-solution
def in_both(first, second):
    return first.select("host").union(second.select("host"))


# %% a2-salt-solution
def salted_join(requests, hosts, salts):
    salted = requests.withColumn("salt", F.pmod(F.hash("host", "page", "size"), F.lit(64)))
    others = hosts.withColumn("salt", F.pmod(F.hash("host", "country"), F.lit(64)))
    return salted.join(others, ["host", "salt"]).select("host", "page", "size", "country")


# %% a2-diagnose-solution
def diagnose(tasks):
    return "skew", 0


# %% [markdown] a2-advice-answer
# Salting always helps.
