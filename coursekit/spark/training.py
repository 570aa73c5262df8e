"""Make a class-data archive of Spark: a plain program of Python and pyspark, for it also runs where images are built.

A small application runs once on a cluster of one worker, and Java writes down which classes each process loads; then
Java loads those classes again and stores them as an archive.

An archive fits one class path only, down to the order of the jars. Spark's own is ``jars/*``, whose order is that in
which the file system lists the folder: another one on each host that an image comes to. So a jar is made beside the
archive that holds nothing but the list of Spark's jars in a fixed order, and whoever uses the archive puts that jar
before Spark's class path; Java asks for no more than that the path begins as it did (JEP 310). The jars that most
classes come from are first in the list: for a class that is not in the archive Java opens jars until it has found it.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What is learned does not depend on these; it is learned in half the time.
_FLAGS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_HERE: Final = "127.0.0.1"
_SECRET: Final = "training"  # noqa: S105 - of a cluster that lives for a minute
_DAEMON_START_S: Final = 60.0
_MANIFEST_WIDTH: Final = 70


class TrainingError(Exception):
    """The application or Java's dump failed; its last lines are the message."""


def make_archive(java: str, archive: Path, *, tell: Callable[[str], None] = lambda step: None) -> None:
    """Make an archive, and beside it the jar with the class path that it fits.

    Parameters
    ----------
    java : str
        The ``java`` program that the archive is for.
    archive : Path
        Where to put it; the jar has the same name with the ending ``.jar``.
    tell : callable
        Called with what is being done.

    Raises
    ------
    TrainingError
        If the application or Java's dump fails.
    """
    archive = archive.resolve()  # the programs run in another folder
    archive.parent.mkdir(parents=True, exist_ok=True)
    classes_jar = archive.with_suffix(".jar")
    with tempfile.TemporaryDirectory(dir=archive.parent) as name:
        folder = Path(name)
        tell("Running a small Spark application to learn which classes it needs")
        # The name of a host without a network cannot be looked up, so Spark is told its address.
        _run([sys.executable, __file__, "--train", name], folder, {"SPARK_LOCAL_IP": _HERE})
        classes = folder / "all.classes"
        listed = _union(folder)
        classes.write_text("\n".join(listed) + "\n")
        tell("Storing them as an archive")
        made = folder / "made.jsa"
        _write_jar(folder / "made.jar", classes_jar.parent, set(listed))
        (folder / "made.jar").replace(classes_jar)
        _run(_dump_command(java, classes, made, classes_jar), folder, {})
        made.replace(archive)


def train(folder: Path) -> None:
    """Run the training application."""
    from pyspark.sql import SparkSession

    settings: dict[str, bool | float | int | str | None] = {
        "spark.driver.host": _HERE,
        "spark.driver.bindAddress": _HERE,
        "spark.driver.extraJavaOptions": _flags(folder, "driver"),
        "spark.executor.extraJavaOptions": _flags(folder, "executor"),
        "spark.executor.memory": "1g",
        "spark.authenticate": "true",
        "spark.authenticate.secret": _SECRET,
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.ui.showConsoleProgress": "false",
    }
    port, pages = _free_ports(2)
    with _daemon("Master", folder, "--port", port, "--webui-port", pages):
        _await_workers(pages, 0)
        work = ("--work-dir", str(folder / "work"))  # Spark's own place is its home, where it would be left
        resources = ("--cores", "1", "--memory", "1g", "--webui-port", "0")
        with _daemon("Worker", folder, *work, *resources, f"spark://{_HERE}:{port}"):
            _await_workers(pages, 1)
            spark = SparkSession.builder.master(f"spark://{_HERE}:{port}").config(map=settings).getOrCreate()
            _work(spark, folder)
            spark.stop()


def _work(spark: SparkSession, folder: Path) -> None:
    """Do what lessons do first."""
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import functions as sf

    pairs = spark.sparkContext.parallelize(range(10), 2).map(lambda number: (number % 2, number))
    pairs.reduceByKey(lambda a, b: a + b).collect()
    numbers = spark.range(1000).selectExpr("id", "id % 7 AS key", "rand(1) AS x", "CAST(rand(1) > 0.5 AS INT) AS y")
    numbers.write.parquet(str(folder / "table"))
    table = spark.read.parquet(str(folder / "table"))
    table.show(2)
    by_key = table.groupBy("key").agg(sf.mean("x").alias("mean"), sf.count("*").alias("count"))
    by_key.join(table, "key").orderBy("id").toPandas()
    spark.createDataFrame(by_key.toPandas()).filter("count > 1").count()
    LogisticRegression(labelCol="y", maxIter=2).fit(
        VectorAssembler(inputCols=["x"], outputCol="features").transform(table)
    )


@contextlib.contextmanager
def _daemon(role: str, folder: Path, *arguments: str) -> Iterator[None]:
    """Run a master or a worker."""
    home = _spark_home()
    options = (_flags(folder, role.lower()), "-Dspark.authenticate=true", f"-Dspark.authenticate.secret={_SECRET}")
    settings = {**os.environ, "SPARK_HOME": str(home), "SPARK_DAEMON_JAVA_OPTS": " ".join(options)}
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{role.lower()}.{role}", "--host", _HERE]
    process = subprocess.Popen([*command, *arguments], cwd=folder, env=settings, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _await_workers(pages: str, count: int) -> None:
    """Wait until the master is alive and knows its workers."""
    deadline = time.monotonic() + _DAEMON_START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{_HERE}:{pages}/json/", timeout=5) as page:
            told = json.load(page)
            if told["status"] == "ALIVE" and told["aliveworkers"] == count:
                return
        time.sleep(0.1)
    raise TrainingError(f"Spark's master did not know {count} workers within {_DAEMON_START_S} s")


def _free_ports(count: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((_HERE, 0))
        return [str(one.getsockname()[1]) for one in sockets]


def _flags(folder: Path, role: str) -> str:
    return " ".join((*_FLAGS, f"-XX:DumpLoadedClassList={folder / role}.classes"))


def _spark_home() -> Path:
    spec = importlib.util.find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise TrainingError("pyspark is not installed here")
    return Path(next(iter(spec.submodule_search_locations)))


def _write_jar(jar: Path, folder: Path, classes: set[str]) -> None:
    """Write a jar that names Spark's jars as seen from its folder: Java takes no absolute paths here."""
    jars = sorted((_spark_home() / "jars").glob("*.jar"), key=lambda path: _rank(path, classes))
    listed = "Class-Path: " + " ".join(os.path.relpath(path, folder) for path in jars)
    # A line of a manifest has at most 72 bytes; one that goes on begins with a space.
    parts = [listed[start : start + _MANIFEST_WIDTH] for start in range(0, len(listed), _MANIFEST_WIDTH)]
    with zipfile.ZipFile(jar, "w") as file:
        file.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n" + "\n ".join(parts) + "\n\n")


def _rank(jar: Path, classes: set[str]) -> tuple[bool, int, str]:
    """Put the jar first that Spark's own launcher puts first, then those that most of the classes come from."""
    with zipfile.ZipFile(jar) as file:
        used = sum(name.removesuffix(".class") in classes for name in file.namelist())
    return not jar.name.startswith("slf4j-api-"), -used, jar.name


def _dump_command(java: str, classes: Path, archive: Path, jar: Path) -> list[str]:
    return [
        java,
        "-Xshare:dump",
        f"-XX:SharedClassListFile={classes}",
        f"-XX:SharedArchiveFile={archive}",
        "-XX:+UseSerialGC",
        "-Xmx1g",
        "-Xlog:disable",
        "-cp",
        str(jar),
    ]


def _union(folder: Path) -> list[str]:
    """Join the lists of all processes, each class once, in the order of their first use."""
    lines = (line for path in sorted(folder.glob("*.classes")) for line in path.read_text().splitlines())
    return list(dict.fromkeys(line for line in lines if not line.startswith("#")))


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    settings = {**os.environ, **environment}
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise TrainingError(f"{Path(command[0]).name} ended with exit code {done.returncode}:\n{last}")


def _main() -> None:
    parser = argparse.ArgumentParser(description="Make a class-data archive of Spark.")
    parser.add_argument("archive", nargs="?", type=Path, help="where to put it")
    parser.add_argument("--java", default=shutil.which("java"), help="the java program that it is for")
    parser.add_argument("--train", type=Path, metavar="FOLDER", help="run the training application alone")
    chosen = parser.parse_args()
    if chosen.train:
        train(chosen.train)
    else:
        make_archive(chosen.java, chosen.archive, tell=lambda step: print(step, flush=True))


if __name__ == "__main__":
    _main()
