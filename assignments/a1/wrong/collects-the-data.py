# ruff: noqa
# score: 19
# why: the right report, made of all rows in the driver's memory
# others: reference
# %% a1-report-solution
def report(lines):
    rows = parse_logs(lines).collect()
    paths = {}
    for row in rows:
        if row["host"] is not None:
            paths.setdefault(row["host"], set()).add(row["path"])
    return {
        "lines": len(rows),
        "malformed": sum(row["host"] is None for row in rows),
        "bytes": sum(row["size"] or 0 for row in rows),
        "robot": min(paths, key=lambda host: (-len(paths[host]), host)) if paths else None,
    }
