"""What holds for the image `grader`."""

from __future__ import annotations

from coursekit.image_checks import Box


def spark_works_in_local_mode_with_python_workers(box: Box) -> None:
    code = """
    import os
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    from coursekit import GiB, SparkCluster
    with SparkCluster(workers=0, memory=GiB, name="check") as cluster:
        spark = cluster.session("check")
        print(spark.sparkContext.parallelize(range(10), 2).map(lambda x: x * x).sum())
        print(spark.sparkContext.uiWebUrl)
    """
    assert box.python(code).split() == ["285", "None"]


def the_supervisor_and_what_it_runs_are_there(box: Box) -> None:
    box.python("import coursekit.sandbox.supervisor, coursekit.sandbox.executor, coursekit.grading.checks")
