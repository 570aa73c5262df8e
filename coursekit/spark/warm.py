"""Build the class-data archive that makes every later start of Spark faster.

A small application runs once on ``local-cluster`` (master, worker and driver in one process, an executor in another)
and Java writes down which classes it loads; then Java loads those classes again and stores them as an archive.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from coursekit.cluster.archive import classpath
from coursekit.cluster.plan import START_FLAGS
from coursekit.cluster.runtime import Runtime, archive_path, find_runtime
from coursekit.errors import ClusterStartError


def build_archive(*, fresh: bool = False, tell: Callable[[str], None] = lambda step: None) -> Path:
    """Build the archive of this Java and this Spark, unless it is there.

    Parameters
    ----------
    fresh : bool
        Whether to build it again.
    tell : callable
        Called with what is being done.

    Returns
    -------
    Path
        The archive, about 200 MB.

    Raises
    ------
    ClusterStartError
        If the training application or Java's dump fails.
    """
    runtime = find_runtime()
    path = archive_path(runtime)
    if path.exists() and not fresh:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        tell("Running a small Spark application to learn which classes it needs")
        _run([sys.executable, "-m", "coursekit.spark.warm", folder], {"SPARK_LOCAL_IP": "127.0.0.1"})
        classes = Path(folder, "all.classes")
        classes.write_text("\n".join(_union(Path(folder))) + "\n")
        tell("Storing them as an archive")
        made = Path(folder, "made.jsa")
        _run(_dump_command(runtime, classes, made), {})
        made.replace(path)
    return path


def train(folder: Path) -> None:
    """Run the training application: what lessons do first on a new cluster."""
    from pyspark.sql import SparkSession

    def flags(role: str) -> str:
        return " ".join((*START_FLAGS, f"-XX:DumpLoadedClassList={folder / role}.classes"))

    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": flags("driver"),
        "spark.executor.extraJavaOptions": flags("executor"),
        "spark.authenticate": "true",
        "spark.authenticate.secret": "training",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    spark = SparkSession.builder.master("local-cluster[1,1,1024]").config(map=dict(settings)).getOrCreate()
    pairs = spark.sparkContext.parallelize(range(10), 2).map(lambda number: (number % 2, number))
    pairs.reduceByKey(lambda a, b: a + b).collect()
    table = spark.range(1000).selectExpr("id", "id % 7 AS key")
    table.write.parquet(str(folder / "table"))
    spark.read.parquet(str(folder / "table")).groupBy("key").sum().join(table, "key").toPandas()
    spark.stop()


def _dump_command(runtime: Runtime, classes: Path, archive: Path) -> list[str]:
    return [
        runtime.java,
        "-Xshare:dump",
        f"-XX:SharedClassListFile={classes}",
        f"-XX:SharedArchiveFile={archive}",
        "-XX:+UseSerialGC",
        "-Xmx1g",
        "-Xlog:disable",
        "-cp",
        classpath(runtime),
    ]


def _union(folder: Path) -> list[str]:
    """Join the lists of all processes, each class once, in the order of their first use."""
    lines = (line for path in sorted(folder.glob("*.classes")) for line in path.read_text().splitlines())
    return list(dict.fromkeys(line for line in lines if not line.startswith("#")))


def _run(command: list[str], environment: dict[str, str]) -> None:
    settings = {**os.environ, **environment}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise ClusterStartError(
            f"{Path(command[0]).name} ended with exit code {done.returncode} while the archive was built:\n{last}",
            fix="clusters start without the archive too, only slower; run `coursekit doctor` to see what is wrong",
        )


if __name__ == "__main__":
    train(Path(sys.argv[1]))
