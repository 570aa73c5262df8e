# ruff: noqa
# score: 19
# why: right for every log with lines; the sum over no line is null and there is no robot to look up
# others: reference
# %% a1-report-solution
def report(lines):
    parsed_lines = parse_logs(lines)
    totals = parsed_lines.agg(F.count("*"), F.count_if(F.col("host").isNull()), F.sum("size")).first()
    robots = parsed_lines.where("host is not null").groupBy("host").agg(F.count_distinct("path").alias("paths"))
    robot = robots.orderBy(F.desc("paths"), "host").first()
    return {"lines": totals[0], "malformed": totals[1], "bytes": totals[2], "robot": robot["host"]}
