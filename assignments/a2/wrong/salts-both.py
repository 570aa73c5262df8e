# ruff: noqa
# score: 18
# why: both tables are salted and neither is copied, so that most requests do not meet their host
# others: reference
# %% a2-salt-solution
def salted_join(requests, hosts, salts):
    salted = requests.withColumn("salt", F.pmod(F.hash("host", "page", "size"), F.lit(salts)))
    others = hosts.withColumn("salt", F.pmod(F.hash("host", "country"), F.lit(salts)))
    return salted.join(others, ["host", "salt"]).select("host", "page", "size", "country")
