# ruff: noqa
# score: 17
# why: a size that is not known is taken for 0
# others: reference
# %% a1-parse-solution
def parse_logs(lines):
    pattern = r'^(\S+) \S+ \S+ \[(\d{2}/\w{3}/\d{4}:\d{2}:\d{2}:\d{2} \S{5})\] "(\S+) (\S+) \S+" (\d{3}) (\d+|-)$'
    part = [F.nullif(F.regexp_extract("value", pattern, k), F.lit("")) for k in range(7)]
    return lines.select(
        part[1].alias("host"),
        F.to_timestamp(part[2], "dd/MMM/yyyy:HH:mm:ss Z").alias("time"),
        part[3].alias("method"),
        part[4].alias("path"),
        part[5].cast("int").alias("status"),
        F.when(part[6] == "-", 0).otherwise(part[6]).cast("long").alias("size"),
    )
