"""Lesson 03: solutions of its exercises, and what students typically write in their place."""

SOLUTIONS = {
    "combined-records": """
def combined_records(partitions):
    return sum(len(set(keys)) for keys in partitions)
""",
    "cheaper-join": """
def cheaper_join(large, small, executors, limit):
    return "broadcast" if small <= limit and executors * small <= large + small else "sort-merge"
""",
    "salt": """
def add_salt(frame, salts):
    return frame.withColumn("salt", F.pmod(F.xxhash64("id"), F.lit(salts)))
""",
    "stage-bound": """
def stage_bound(seconds, slots):
    return max([sum(seconds) / slots, *seconds])
""",
}

MISTAKES = {
    "combined-records": [
        """
def combined_records(partitions):
    return sum(len(keys) for keys in partitions)  # no combine: every row
""",
        """
def combined_records(partitions):
    return len({key for keys in partitions for key in keys})  # as if partitions knew of one another
""",
        """
def combined_records(partitions):
    return len(partitions) * len({key for keys in partitions for key in keys})  # the bound taken for the value
""",
    ],
    "cheaper-join": [
        """
def cheaper_join(large, small, executors, limit):
    return "broadcast" if small <= limit else "sort-merge"  # the copies forgotten
""",
        """
def cheaper_join(large, small, executors, limit):
    return "broadcast" if executors * small <= large + small else "sort-merge"  # the memory forgotten
""",
        """
def cheaper_join(large, small, executors, limit):
    return "broadcast" if small <= limit and executors * small < large else "sort-merge"  # the small side moves too
""",
    ],
    "salt": [
        """
def add_salt(frame, salts):
    return frame.withColumn("salt", F.pmod(F.xxhash64("key"), F.lit(salts)))  # one key, one salt
""",
        """
def add_salt(frame, salts):
    return frame.withColumn("salt", F.floor(F.rand(1) * salts))  # depends on the partition
""",
        """
def add_salt(frame, salts):
    return frame.withColumn("salt", F.monotonically_increasing_id() % salts)  # depends on the partition
""",
        """
def add_salt(frame, salts):
    return frame.withColumn("salt", F.xxhash64("id") % salts)  # hashes may be negative
""",
        """
def add_salt(frame, salts):
    every = F.explode(F.sequence(F.lit(0), F.lit(salts - 1)))  # what the *small* table needs
    return frame.withColumn("salt", every)
""",
    ],
    "stage-bound": [
        """
def stage_bound(seconds, slots):
    return sum(seconds) / slots  # the straggler forgotten
""",
        """
def stage_bound(seconds, slots):
    return max(seconds, default=0)  # the slots forgotten
""",
        """
def stage_bound(seconds, slots):
    return sum(seconds) / slots + max(seconds, default=0)  # an upper bound, and not a lower one
""",
    ],
}
