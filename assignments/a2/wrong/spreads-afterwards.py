# ruff: noqa
# score: 21
# why: joined by host alone and then dealt out evenly: the task that joins the hot host has had all its rows by then
# others: reference
# %% a2-salt-solution
def salted_join(requests, hosts, salts):
    return requests.join(hosts, "host").select("host", "page", "size", "country").repartition(4)
