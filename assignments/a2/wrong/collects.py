# ruff: noqa
# score: 16
# why: nothing is shuffled, for all rows are fetched to the driver and worked on there
# others: reference
# %% a2-country-solution
def bytes_by_country(requests, hosts):
    where, totals = dict(map(tuple, hosts.collect())), {}
    for row in requests.collect():
        if row["host"] in where:
            country = where[row["host"]]
            totals[country] = totals.get(country, 0) + row["size"]
    return spark.createDataFrame(list(totals.items()), "country string, bytes long")


# %% a2-busiest-solution
def busiest(requests, count):
    totals = {}
    for row in requests.collect():
        totals[row["host"]] = totals.get(row["host"], 0) + row["size"]
    best = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))[:count]
    return spark.createDataFrame(best, "host string, bytes long")


# %% a2-both-solution
def in_both(first, second):
    ours, theirs = ({row["host"] for row in week.select("host").collect()} for week in (first, second))
    return spark.createDataFrame([(host,) for host in ours & theirs], "host string")
