"""The class-data archive: what is pure about it."""

from __future__ import annotations

import ast
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

from coursekit.cluster.archive import archive_flags, classes_jar, classpath
from coursekit.cluster.runtime import IMAGE_RUNTIME
from coursekit.spark import training


def test_the_training_needs_nothing_but_python_and_pyspark():
    tree = ast.parse(Path(training.__file__).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0] for node in imports
    }
    assert names <= {"pyspark", *sys.stdlib_module_names}


def test_the_jar_names_every_jar_of_spark_once_and_those_of_the_most_classes_first(tmp_path):
    jar = tmp_path / "spark.jar"
    training._write_jar(jar, tmp_path, {"org/apache/spark/SparkContext", "org/apache/spark/SparkEnv", "scala/Option"})
    lines = zipfile.ZipFile(jar).read("META-INF/MANIFEST.MF").decode().splitlines()
    assert max(map(len, lines)) <= 71  # 72 bytes with the end of the line
    paths = "".join([lines[1], *(line[1:] for line in lines[2:])]).removeprefix("Class-Path: ").split()
    assert all((tmp_path / path).is_file() for path in paths)
    names = [Path(path).name for path in paths]
    assert names[0].startswith("slf4j-api-")
    assert [name.rsplit("-", 1)[0] for name in names[1:3]] == ["spark-core_2.13", "scala-library"]
    assert names[3:] == sorted(names[3:])
    assert len(names) == len(set(names))


def test_classes_that_several_processes_loaded_are_stored_once(tmp_path):
    (tmp_path / "a.classes").write_text("# made by Java\njava/lang/Object\nA\n")
    (tmp_path / "b.classes").write_text("# made by Java\nB\njava/lang/Object\n")
    assert training._union(tmp_path) == ["java/lang/Object", "A", "B"]


def test_the_jar_of_an_archive_comes_first_on_the_class_path():
    assert classpath(IMAGE_RUNTIME).startswith("/opt/class-data/spark.jar:/opt/venv/")
    assert classes_jar(IMAGE_RUNTIME) == ("/opt/class-data/spark.jar",)


def test_without_an_archive_the_class_path_is_sparks_own():
    plain = replace(IMAGE_RUNTIME, archive=None)
    assert classpath(plain).startswith(f"{plain.spark_home}/conf:")
    assert (classes_jar(plain), archive_flags(plain)) == ((), ())
