"""Where Java, Spark and Python are on this machine, and whether they fit together."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from coursekit.config import cache_dir
from coursekit.errors import JavaError, MissingPackageError, PythonMismatchError

MIN_JAVA: Final = 17
_VECTOR_MODULE: Final = "jdk.incubator.vector"
_TRAINING: Final = "2"  # to be raised when `coursekit.spark.training` learns something else


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """What Spark's processes are started with.

    Parameters
    ----------
    java : str
        The ``java`` program.
    spark_home : str
        The folder that holds Spark's ``jars/``.
    python : str
        The Python that executors run.
    python_version : str
        Its version, like ``"3.11"``.
    archive : str or None
        The class-data archive that Java starts from (`coursekit.cluster.archive`).
    """

    java: str
    spark_home: str
    python: str
    python_version: str
    archive: str | None = None


IMAGE_RUNTIME: Final = Runtime(
    java="/usr/bin/java",
    spark_home="/opt/venv/lib/python3.11/site-packages/pyspark",
    python="/opt/venv/bin/python",
    python_version="3.11",
    archive="/opt/class-data/spark.jsa",
)
"""What the image ``spark`` has (``images/spark/Dockerfile``)."""


def find_runtime() -> Runtime:
    """Find what Spark's processes are started with on this machine.

    Raises
    ------
    JavaError
        If there is no Java 17 or newer with the module that Spark asks for.
    MissingPackageError
        If pyspark is not installed.
    PythonMismatchError
        If ``PYSPARK_PYTHON`` names a Python of another minor version than this one.
    """
    python = os.environ.get("PYSPARK_PYTHON") or sys.executable
    check_python(python)
    runtime = Runtime(
        java=find_java(), spark_home=find_spark(), python=python, python_version=version_of(sys.version_info)
    )
    return replace(runtime, archive=_find_archive(runtime))


def _find_archive(runtime: Runtime) -> str | None:
    """Find this machine's archive, or the image's when this is a container of it."""
    if os.access(own := archive_path(runtime), os.R_OK):
        return str(own)
    image = IMAGE_RUNTIME
    return image.archive if runtime.spark_home == image.spark_home and Path(str(image.archive)).exists() else None


def archive_path(runtime: Runtime) -> Path:
    """Give where the archive of this Java and this Spark is, or would be."""
    java = Path(runtime.java).resolve()
    release = java.parent.parent / "release"
    jars = sorted(path.name for path in Path(runtime.spark_home, "jars").glob("*.jar"))
    known = "\n".join(
        (_TRAINING, str(java), release.read_text() if release.exists() else "", runtime.spark_home, *jars)
    )
    return cache_dir() / "class-data" / f"{hashlib.sha256(known.encode()).hexdigest()[:16]}.jsa"


def find_spark() -> str:
    """Give the folder of the installed pyspark without importing it."""
    spec = importlib.util.find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError(
            "pyspark is not installed here.",
            fix="install coursekit with its Spark extra: pip install 'coursekit[spark]'",
        )
    return next(iter(spec.submodule_search_locations))


def find_java() -> str:
    """Give the ``java`` of ``JAVA_HOME`` or of the path, once it has been found fit for Spark 4."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if java is None or not Path(java).exists():
        where = f"JAVA_HOME = {home!r} has no bin/java" if home else "there is no java on the PATH"
        raise JavaError(f"{where}, and Spark needs Java {MIN_JAVA} or newer.", fix=_java_fix())
    version, has_vector = describe_java(java)
    if version < MIN_JAVA:
        raise JavaError(f"{java} is Java {version}, and Spark 4 needs {MIN_JAVA} or newer.", fix=_java_fix())
    if not has_vector:
        raise JavaError(f"{java} lacks the module {_VECTOR_MODULE}, which Spark asks for.", fix=_java_fix())
    return java


def _java_fix() -> str:
    return "install a full Java 17 or 21 (Debian: apt install openjdk-17-jre-headless) or set JAVA_HOME to one"


@functools.cache
def describe_java(java: str) -> tuple[int, bool]:
    """Tell a Java's major version and whether it has the vector module, from its ``release`` file when there is one."""
    release = Path(java).resolve().parent.parent / "release"
    if release.exists():
        text = release.read_text()
        modules = re.search(r'MODULES="([^"]*)"', text)
        has_vector = modules is None or _VECTOR_MODULE in modules[1]
        match = re.search(r'JAVA_VERSION="(\d+)', text)
    else:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
        match, has_vector = re.search(r'version "(\d+)', shown), True
    if match is None:
        raise JavaError(f"{java} does not tell its version.", fix=_java_fix())
    return int(match[1]), has_vector


def check_python(python: str) -> None:
    """Refuse executors whose Python differs in its minor version: Spark refuses them too, but in mid-job."""
    if python == sys.executable:
        return
    theirs, ours = python_version(python), version_of(sys.version_info)
    if theirs != ours:
        raise PythonMismatchError(
            f"the driver runs Python {ours}, but PYSPARK_PYTHON = {python!r} is Python {theirs}.",
            fix=f"unset PYSPARK_PYTHON, or set it to a Python {ours}, and start the kernel again",
        )


@functools.cache
def python_version(python: str) -> str:
    """Ask a Python program for its version, like ``"3.11"``."""
    code = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
    try:
        shown = subprocess.run([python, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PythonMismatchError(
            f"PYSPARK_PYTHON = {python!r} does not run ({error}).",
            fix="unset PYSPARK_PYTHON and start the kernel again",
        ) from None
    return shown.stdout.strip()


def version_of(info: tuple[object, ...]) -> str:
    """Write a version as major and minor: ``"3.11"``."""
    return f"{info[0]}.{info[1]}"
