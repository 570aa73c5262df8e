"""Lesson 02: solutions of its exercises, and what students typically write in their place."""

SOLUTIONS = {
    "file-reads": """
def file_reads(actions, infer_schema):
    return actions + int(infer_schema)
""",
    "lean-query": """
def largest_mass(events):
    complete = events.dropna(subset=["m_wwbb", "m_bb"])
    return complete.groupBy("label").agg(F.max("m_wwbb").alias("largest"))
""",
    "row-groups": """
def groups_to_read(groups, above):
    return sum(largest > above for _, largest in groups)
""",
    "split-size": """
def split_size(total_bytes, files, slots, most=128 * MiB, open_cost=4 * MiB):
    return min(most, max(open_cost, (total_bytes + files * open_cost) / slots))
""",
}

MISTAKES = {
    "file-reads": [
        """
def file_reads(actions, infer_schema):
    return min(actions, 1)  # as if the first action kept the rows
""",
        """
def file_reads(actions, infer_schema):
    return actions * (2 if infer_schema else 1)  # as if every action found out the types anew
""",
        """
def file_reads(actions, infer_schema):
    return actions  # inferSchema taken for a transformation
""",
    ],
    "lean-query": [
        """
def largest_mass(events):
    return events.dropna().groupBy("label").agg(F.max("m_wwbb").alias("largest"))  # needs all columns, drops too much
""",
        """
def largest_mass(events):
    return events.groupBy("label").agg(F.max("m_wwbb").alias("largest"))  # missing m_bb forgotten
""",
        """
def largest_mass(events):
    complete = events.dropna(subset=["m_wwbb", "m_bb"])
    return complete.groupBy("label").max("m_wwbb")  # the column has another name
""",
        """
def largest_mass(events):
    rows = events.dropna(subset=["m_wwbb", "m_bb"]).groupBy("label").agg(F.max("m_wwbb").alias("largest")).collect()
    return spark.createDataFrame(rows)  # the driver has the rows, and the plan reads nothing any more
""",
    ],
    "row-groups": [
        """
def groups_to_read(groups, above):
    return sum(smallest > above for smallest, _ in groups)  # only groups that match as a whole
""",
        """
def groups_to_read(groups, above):
    return sum(largest >= above for _, largest in groups)
""",
        """
def groups_to_read(groups, above):
    return sum(smallest <= above < largest for smallest, largest in groups)  # forgets groups that match as a whole
""",
    ],
    "split-size": [
        """
def split_size(total_bytes, files, slots, most=128 * MiB, open_cost=4 * MiB):
    return most  # the maximum taken for the value
""",
        """
def split_size(total_bytes, files, slots, most=128 * MiB, open_cost=4 * MiB):
    return min(most, max(open_cost, total_bytes / slots))  # opening costs nothing
""",
        """
def split_size(total_bytes, files, slots, most=128 * MiB, open_cost=4 * MiB):
    return max(most, min(open_cost, (total_bytes + files * open_cost) / slots))  # min and max exchanged
""",
    ],
}
