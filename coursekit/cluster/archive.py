"""The class-data archive: Spark's classes, loaded and checked once, mapped into memory by every Java process after.

A cluster of two workers is seven Java processes' worth of class loading; the archive takes most of that away. It is
built once per machine by `coursekit.spark.warm`, and used when it is there. Java itself checks that the archive fits
the jars, and ignores it when it does not.
"""

from __future__ import annotations

from pathlib import Path

from coursekit.cluster.runtime import Runtime


def classpath(runtime: Runtime) -> str:
    """Give Spark's class path in the order that Spark's own launcher uses: an archive fits one order only."""
    home = Path(runtime.spark_home)
    first = sorted(home.glob("jars/slf4j-api-*.jar"))[:1]
    return ":".join(map(str, (home / "conf", *first, home / "jars" / "*")))


def archive_flags(runtime: Runtime) -> tuple[str, ...]:
    """Give the Java options that use the runtime's archive, if it has one; Java ignores a path that is not there."""
    return (f"-XX:SharedArchiveFile={runtime.archive}", "-Xlog:cds=off") if runtime.archive else ()
