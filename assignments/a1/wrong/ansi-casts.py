# ruff: noqa
# score: 15
# why: split at blanks and cast; the first line that is not as expected ends the job
# others: reference
# %% a1-parse-solution
def parse_logs(lines):
    part = F.split("value", " ")
    return lines.select(
        part[0].alias("host"),
        F.to_timestamp(F.substring(part[3], 2, 30), "dd/MMM/yyyy:HH:mm:ss").alias("time"),
        F.substring(part[5], 2, 10).alias("method"),
        part[6].alias("path"),
        part[8].cast("int").alias("status"),
        F.nullif(part[9], F.lit("-")).cast("long").alias("size"),
    )
