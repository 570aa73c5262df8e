# ruff: noqa
# score: 19
# why: each query saves something, and shuffles once more than it has to
# others: reference
# %% a2-country-solution
def bytes_by_country(requests, hosts):
    by_host = requests.groupBy("host").agg(F.sum("size").alias("size"))
    return by_host.join(hosts, "host").groupBy("country").agg(F.sum("size").alias("bytes"))


# %% a2-busiest-solution
def busiest(requests, count):
    by_page = requests.groupBy("host", "page").agg(F.sum("size").alias("size"))
    totals = by_page.groupBy("host").agg(F.sum("size").alias("bytes"))
    return totals.orderBy(F.desc("bytes"), "host").limit(count)


# %% a2-both-solution
def in_both(first, second):
    return first.select("host").distinct().join(second.select("host"), "host").distinct()
