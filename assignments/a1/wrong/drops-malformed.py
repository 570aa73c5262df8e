# ruff: noqa
# score: 15
# why: malformed lines vanish, so that nobody learns how many there were
# others: reference
# %% a1-parse-solution
def parse_logs(lines):
    pattern = r'^(\S+) \S+ \S+ \[(\d{2}/\w{3}/\d{4}:\d{2}:\d{2}:\d{2} \S{5})\] "(\S+) (\S+) \S+" (\d{3}) (\d+|-)$'
    return lines.where(F.col("value").rlike(pattern)).select(
        F.regexp_extract("value", pattern, 1).alias("host"),
        F.to_timestamp(F.regexp_extract("value", pattern, 2), "dd/MMM/yyyy:HH:mm:ss Z").alias("time"),
        F.regexp_extract("value", pattern, 3).alias("method"),
        F.regexp_extract("value", pattern, 4).alias("path"),
        F.regexp_extract("value", pattern, 5).cast("int").alias("status"),
        F.nullif(F.regexp_extract("value", pattern, 6), F.lit("-")).cast("long").alias("size"),
    )
