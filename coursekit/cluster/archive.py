"""The class-data archive: Spark's classes, loaded and checked once, mapped into memory by every Java process after.

A cluster of two workers is seven Java processes' worth of class loading; the archive takes most of that away. It is
built once per machine by `coursekit.spark.warm`, and used when it is there. Java itself checks that the archive fits
the jars, and ignores it when it does not.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from coursekit.cluster.runtime import Runtime
from coursekit.config import cache_dir


def classpath(runtime: Runtime) -> str:
    """Give Spark's class path in the order that Spark's own launcher uses: an archive fits one order only."""
    home = Path(runtime.spark_home)
    first = sorted(home.glob("jars/slf4j-api-*.jar"))[:1]
    return ":".join(map(str, (home / "conf", *first, home / "jars" / "*")))


def archive_path(runtime: Runtime) -> Path:
    """Give where the archive of this Java and this Spark is, or would be."""
    java = Path(runtime.java).resolve()
    release = java.parent.parent / "release"
    jars = sorted(path.name for path in Path(runtime.spark_home, "jars").glob("*.jar"))
    known = "\n".join((str(java), release.read_text() if release.exists() else "", runtime.spark_home, *jars))
    return cache_dir() / "class-data" / f"{hashlib.sha256(known.encode()).hexdigest()[:16]}.jsa"


def archive_flags(runtime: Runtime) -> tuple[str, ...]:
    """Give the Java options that use the archive; none when it has not been built."""
    path = archive_path(runtime)
    return (f"-XX:SharedArchiveFile={path}", "-Xlog:cds=off") if path.exists() else ()
