from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from coursekit.cluster.runtime import check_python, describe_java, find_java, find_runtime
from coursekit.errors import JavaError, PythonMismatchError
from coursekit.spark.driver import driver_command


def fake_java(home: Path, release: str) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").touch()
    (home / "release").write_text(release)
    return home / "bin" / "java"


def test_javas_version_and_modules_are_read_from_its_release_file(tmp_path):
    java = fake_java(tmp_path, 'JAVA_VERSION="21.0.4"\nMODULES="java.base jdk.incubator.vector"\n')
    assert describe_java(str(java)) == (21, True)


@pytest.mark.parametrize(
    ("release", "complaint"),
    [
        ('JAVA_VERSION="11.0.2"\nMODULES="java.base"', "is Java 11"),
        ('JAVA_VERSION="17.0.2"\nMODULES="java.base java.sql"', "lacks the module jdk.incubator.vector"),
        ('IMPLEMENTOR="nobody"', "does not tell its version"),
    ],
)
def test_a_java_that_spark_cannot_use_is_refused_with_the_reason(tmp_path, monkeypatch, release, complaint):
    fake_java(tmp_path, release)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(JavaError, match=complaint):
        find_java()


def test_a_machine_without_java_is_told_how_to_get_one(monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(JavaError, match="openjdk-17"):
        find_java()


def test_a_java_home_without_java_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(JavaError, match=str(tmp_path)):
        find_java()


def test_executors_on_another_python_are_refused_before_anything_starts(tmp_path):
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 3.99\n")  # a stand-in: only its answer matters
    other.chmod(0o755)
    with pytest.raises(PythonMismatchError, match=r"3\.99"):
        check_python(str(other))
    check_python(sys.executable)


def test_a_python_that_does_not_run_is_named(tmp_path):
    with pytest.raises(PythonMismatchError, match="does not run"):
        check_python(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"spark.driver.memory": "700m", "spark.driver.extraJavaOptions": "-Xss512k -Da=b"},
        {"spark.driver.extraClassPath": "/opt/more.jar", "spark.driver.defaultJavaOptions": "-Dc=d"},
    ],
    ids=["nothing set", "memory and options", "class path"],
)
def test_the_driver_starts_as_spark_submit_would_start_it(options: dict[str, str], monkeypatch) -> None:
    monkeypatch.delenv("SPARK_CONF_DIR", raising=False)
    runtime = replace(find_runtime(), archive=None)
    conf = [word for item in options.items() for word in ("--conf", "=".join(item))]
    launcher = [runtime.java, "-cp", f"{runtime.spark_home}/jars/*", "org.apache.spark.launcher.Main"]
    told = subprocess.run(
        [*launcher, "org.apache.spark.deploy.SparkSubmit", *conf, "pyspark-shell"],
        env={"SPARK_HOME": runtime.spark_home, "SPARK_SCALA_VERSION": "2.13", "JAVA_HOME": runtime.java[:-9]},
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = [word.strip() for word in told.stdout.split("\0") if word.strip()]
    assert sorted(driver_command(runtime, options)) == sorted(wanted)
