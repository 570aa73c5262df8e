# ruff: noqa
# score: 14
# why: fast, and not what was asked: unknown hosts are a country, equal hosts come in the wrong order, a host of one week is in both
# others: reference
# %% a2-country-solution
def bytes_by_country(requests, hosts):
    located = requests.join(F.broadcast(hosts), "host", "left")
    return located.groupBy("country").agg(F.sum("size").alias("bytes"))


# %% a2-busiest-solution
def busiest(requests, count):
    totals = requests.groupBy("host").agg(F.sum("size").alias("bytes"))
    return totals.orderBy(F.desc("bytes"), F.desc("host")).limit(count)


# %% a2-both-solution
def in_both(first, second):
    return first.select("host").union(second.select("host")).distinct()
