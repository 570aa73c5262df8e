"""What holds for the image `spark`, and so for every image built on it."""

from __future__ import annotations

from coursekit.image_checks import Box


def java_is_the_one_that_spark_is_run_with(box: Box) -> None:
    assert 'version "17.' in box.run("/usr/bin/java", "-version", noise=r".*")


def pandas_on_spark_is_imported_without_a_warning(box: Box) -> None:
    box.python("import pyspark.pandas")


def what_the_lessons_import_is_there(box: Box) -> None:
    box.python("import docker, matplotlib.pyplot, pandas, pyarrow, sklearn.ensemble, xgboost")


def xgboost_fits_on_every_core_that_it_is_given(box: Box) -> None:
    code = """
    import numpy, xgboost
    x = numpy.arange(100.0).reshape(-1, 1)
    print(xgboost.XGBClassifier(n_estimators=2).fit(x, x[:, 0] > 50).score(x, x[:, 0] > 50))
    """
    assert float(box.python(code)) > 0.95


def master_worker_executor_and_driver_start_from_the_archive(box: Box) -> None:
    # The flag that makes Java tell where each class comes from is announced by each Java on stderr.
    code = """
    import os, pathlib
    import psutil
    from coursekit import GiB, SparkCluster
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"  # a container without a network has a name without an address
    os.environ["JDK_JAVA_OPTIONS"] = "-Xlog:class+load:file=/tmp/classes-%p.log"
    roles = {
        "org.apache.spark.deploy.master.Master": "master",
        "org.apache.spark.deploy.worker.Worker": "worker",
        "org.apache.spark.executor.CoarseGrainedExecutorBackend": "executor",
        "org.apache.spark.deploy.SparkSubmit": "driver",
    }
    with SparkCluster(workers=1, memory=GiB) as cluster:
        spark = cluster.session("roles")
        spark.range(10).groupBy("id").count().collect()
        javas = [process for process in psutil.process_iter() if process.name() == "java"]
        running = [(roles[main], java.pid) for java in javas for main in roles if main in java.cmdline()]
    for role, pid in running:
        text = pathlib.Path(f"/tmp/classes-{pid}.log").read_text()
        shared = text.count(" source: shared objects file")
        # What Java makes while it runs (lambdas, proxies, code) is not counted; signed jars (Janino) are never stored.
        read = text.count(" source: file:") + text.count(" source: jrt:")
        print(role, shared, shared / (shared + read))
    """
    shown = box.python(code, noise=r".*JDK_JAVA_OPTIONS.*")
    shares = {line.split()[0]: float(line.split()[2]) for line in shown.splitlines()}
    assert shares.keys() == {"master", "worker", "executor", "driver"}, shown
    assert all(share > 0.9 for share in shares.values()), shown
