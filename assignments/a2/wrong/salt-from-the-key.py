# ruff: noqa
# score: 21
# why: the salt is computed from the host, so that all requests of the hot host have the same one
# others: reference
# %% a2-salt-solution
def salted_join(requests, hosts, salts):
    salted = requests.withColumn("salt", F.pmod(F.hash("host"), F.lit(salts)))
    copies = hosts.withColumn("salt", F.explode(F.sequence(F.lit(0), F.lit(salts - 1))))
    return salted.join(copies, ["host", "salt"]).select("host", "page", "size", "country")
