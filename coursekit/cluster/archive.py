"""The class-data archive: Spark's classes, loaded and checked once, mapped into memory by every Java process after.

A cluster of two workers is seven Java processes' worth of class loading; the archive takes most of that away. It is
built once per machine by `coursekit.spark.warm`, or in an image while that is built, and used when it is there. Java
itself checks that the archive fits the jars and their order on the class path, and ignores it when it does not: so the
jar that `coursekit.spark.training` makes beside the archive comes first on every class path.
"""

from __future__ import annotations

from pathlib import Path

from coursekit.cluster.runtime import Runtime


def classpath(runtime: Runtime, *, conf: str | None = None) -> str:
    """Give the class path that Spark's own launcher gives a process with `classes_jar` as its extra class path.

    Parameters
    ----------
    runtime : Runtime
        Java and Spark.
    conf : str, optional
        The folder of Spark's configuration; that of its home when not given.
    """
    home = Path(runtime.spark_home)
    first = sorted(home.glob("jars/slf4j-api-*.jar"))[:1]
    return ":".join(map(str, (*classes_jar(runtime), conf or home / "conf", *first, home / "jars" / "*")))


def classes_jar(runtime: Runtime) -> tuple[str, ...]:
    """Give the jar that must come first on a class path for the runtime's archive to be used, if it has one."""
    return (runtime.archive.removesuffix(".jsa") + ".jar",) if runtime.archive else ()


def archive_flags(runtime: Runtime) -> tuple[str, ...]:
    """Give the Java options that use the runtime's archive, if it has one; Java ignores a path that is not there.

    Java would map it at another address each time, as a defence that Spark's classes do not need, and therefore copy
    and correct all of it: as much memory again for every process, and a tenth of a second.
    """
    if not runtime.archive:
        return ()
    in_place = ("-XX:+UnlockDiagnosticVMOptions", "-XX:ArchiveRelocationMode=0")
    return (f"-XX:SharedArchiveFile={runtime.archive}", "-Xlog:cds=off", *in_place)
