# ruff: noqa
# score: 20
# why: the large table is copied and the small one salted: 64 times the log is shuffled, and the hot host is still one key
# others: reference
# %% a2-salt-solution
def salted_join(requests, hosts, salts):
    copies = requests.withColumn("salt", F.explode(F.sequence(F.lit(0), F.lit(salts - 1))))
    salted = hosts.withColumn("salt", F.pmod(F.hash("host"), F.lit(salts)))
    return copies.join(salted, ["host", "salt"]).select("host", "page", "size", "country")
