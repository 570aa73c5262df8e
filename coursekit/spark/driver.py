"""The kernel's driver process: the Java that pyspark talks to, started without ``spark-submit``.

That script starts two Javas and a Python to find out what is known here: half a second of CPU for every kernel. It also
puts archives of Spark's Python code before the installed package, which each Python worker of the local mode would
compile anew.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, ClassVar, Final

from coursekit.cluster.archive import archive_flags, classes_jar, classpath
from coursekit.cluster.plan import START_FLAGS
from coursekit.cluster.runtime import Runtime, find_runtime
from coursekit.config import run_dir
from coursekit.errors import ClusterStartError
from coursekit.ports import LOOPBACK

_LAUNCH_ONLY: Final = ("spark.driver.memory", "spark.driver.extra", "spark.driver.default", "spark.jars")
# Spark's pages show everything and ask for no password, so they are for this machine only; Spark itself would open them
# to the network. What executors connect to follows from spark.driver.host.
_PAGES_HERE: Final = {"SPARK_LOCAL_IP": LOOPBACK, "SPARK_PUBLIC_DNS": LOOPBACK}
_JAVA_START_S: Final = 120.0
_OPEN: Final = (
    *(f"java.base/java.{name}" for name in ("lang", "lang.invoke", "lang.reflect", "io", "net", "nio", "util")),
    *(f"java.base/java.util.{name}" for name in ("concurrent", "concurrent.atomic")),
    *(f"java.base/{name}" for name in ("jdk.internal.ref", "sun.nio.ch", "sun.nio.cs")),
    *(f"java.base/sun.{name}" for name in ("security.action", "util.calendar")),
    "java.security.jgss/sun.security.krb5",
)
# What Spark's launcher gives every driver (org.apache.spark.launcher.JavaModuleOptions of Spark 4.3).
_SPARKS_OWN: Final = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--add-modules=jdk.incubator.vector",
    *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPEN),
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dio.netty.allocator.type=pooled",
    "-Dio.netty.handler.ssl.defaultEndpointVerificationAlgorithm=NONE",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
    "-Dderby.connection.requireAuthentication=false",
)


class DriverLaunch:
    """Starts this kernel's driver process while the cluster's nodes start.

    Started here and not by pyspark for two reasons. The cluster's secret must not stand on a command line, which every
    user of the machine can read. And what Java writes to stderr while it starts would land in the cell, where plain
    nbgrader takes points for it; it goes to ``driver.log`` instead.
    """

    _options: ClassVar[dict[str, str]] = {}  # what the kernel's driver process was started with

    def __init__(self) -> None:
        # In this thread: a module that two threads import at once may look to one of them as if it were half empty.
        with contextlib.suppress(ImportError):
            import pyspark.java_gateway
            import pyspark.sql  # noqa: F401
        self._thread = threading.Thread(target=self._try, daemon=True, name="coursekit-driver")
        self._thread.start()

    def join(self, settings: dict[str, str]) -> None:
        """Have a driver process that was started with these settings, so far as they matter to Java's start."""
        self._thread.join()
        options = _launch_options(settings)
        if _has_driver() and not options.items() <= self._options.items():
            stop_active_session()  # or pyspark would go on talking to the process that is about to end
            stop_driver()
        if not _has_driver():
            self._launch(options)

    def _try(self) -> None:
        with contextlib.suppress(Exception):  # whatever it is, `join` meets it again, and raises it to the user
            if not _has_driver():
                self._launch(_launch_options(driver_settings()))

    @classmethod
    def _launch(cls, options: dict[str, str]) -> None:
        from pyspark import SparkContext

        path = run_dir() / "driver.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.environ |= _PAGES_HERE
        with path.open("ab") as log:
            SparkContext._ensure_initialized(gateway=_open_gateway(options, log))
        DriverLaunch._options = options


def _open_gateway(options: dict[str, str], log: IO[bytes]) -> Any:
    """Start Java, and let pyspark connect to it."""
    from pyspark import SparkConf
    from pyspark.java_gateway import launch_gateway

    connect: Any = launch_gateway  # its types do not know popen_kwargs
    if os.environ.get("PYSPARK_SUBMIT_ARGS"):  # it may hold what only spark-submit understands
        conf = SparkConf(loadDefaults=False)
        conf.setAll(list(options.items()))
        return connect(conf, {"stderr": log})
    process, port, secret = _start_java(options, log)
    with environment(PYSPARK_GATEWAY_PORT=str(port), PYSPARK_GATEWAY_SECRET=secret):
        gateway = connect()
    gateway.proc = process
    return gateway


def _start_java(options: dict[str, str], log: IO[bytes]) -> tuple[subprocess.Popen[bytes], int, str]:
    """Start Java and wait until it has said where it listens, and the secret that it asks for."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        process = subprocess.Popen(
            driver_command(find_runtime(), options),
            env={**_java_environment(options), "_PYSPARK_DRIVER_CONN_INFO_PATH": str(said)},
            stdin=subprocess.PIPE,  # it ends with its pipe
            stderr=log,
            preexec_fn=_ignore_interrupts,
        )
        deadline = time.monotonic() + _JAVA_START_S
        while not said.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise ClusterStartError(
                    f"the driver's Java did not start (exit code {process.wait()}).", fix=f"read the end of {log.name}"
                )
            time.sleep(0.01)
        return process, *_read_connection(said.read_bytes())


def _read_connection(said: bytes) -> tuple[int, str]:
    """Read what ``org.apache.spark.api.python.PythonGatewayServer`` writes: a port, a length, and a secret."""
    port, length = struct.unpack_from(">ii", said)
    return port, said[8 : 8 + length].decode()


def driver_command(runtime: Runtime, options: dict[str, str]) -> list[str]:
    """Give the command that ``spark-submit`` would run in the end.

    Parameters
    ----------
    runtime : Runtime
        Java and Spark of this machine.
    options : dict of str to str
        Spark settings that take effect when Java starts.
    """
    words = (options.get(f"spark.driver.{kind}JavaOptions", "").split() for kind in ("default", "extra"))
    first = options.get("spark.driver.extraClassPath")
    known = ":".join((*classes_jar(runtime), ""))
    paths = classpath(runtime, conf=os.environ.get("SPARK_CONF_DIR"))
    return [
        runtime.java,
        "-cp",
        f"{first}:{paths.removeprefix(known)}" if first else paths,
        f"-Xmx{options.get('spark.driver.memory', '1g')}",
        *(word for some in words for word in some),
        *_SPARKS_OWN,
        "org.apache.spark.deploy.SparkSubmit",
        *(word for key, value in options.items() for word in ("--conf", f"{key}={value}")),
        "pyspark-shell",
    ]


def _java_environment(options: dict[str, str]) -> dict[str, str]:
    """Give Java's environment: without another Spark's home, and with the caller's native libraries."""
    kept = {name: value for name, value in os.environ.items() if name != "SPARK_HOME"}
    libraries = [options.get("spark.driver.extraLibraryPath"), kept.get("LD_LIBRARY_PATH")]
    known = {"LD_LIBRARY_PATH": ":".join(filter(None, libraries))} if libraries[0] else {}
    return {**kept, **known, "SPARK_CONNECT_MODE": "0"}


def _ignore_interrupts() -> None:
    """Leave Ctrl-C, and Jupyter's interrupt, to Python: the driver outlives them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _launch_options(settings: dict[str, str]) -> dict[str, str]:
    """Choose the settings that take effect only when Java starts."""
    return {key: value for key, value in settings.items() if key.startswith(_LAUNCH_ONLY)}


def driver_settings() -> dict[str, str]:
    """Give the settings that start a driver's Java quickly on this machine."""
    return java_settings("driver", find_runtime())


def _has_driver() -> bool:
    from pyspark import SparkContext

    return SparkContext._gateway is not None and not is_driver_killed()


def stop_driver() -> None:
    """End this kernel's driver process, which no session uses."""
    from pyspark import SparkContext

    process = getattr(SparkContext._gateway, "proc", None)
    SparkContext._gateway = SparkContext._jvm = None
    if process is not None:
        process.stdin.close()  # it ends with its pipe
        process.kill()
        process.wait()


def stop_active_session() -> None:
    """Stop this kernel's session, if there is one, also when its Java process is gone."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    if is_driver_killed():
        # pyspark goes on talking to a Java process that was killed, unless it is made to forget it.
        SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
        SparkSession._instantiatedSession = None
    elif SparkContext._active_spark_context is not None:
        with contextlib.suppress(Exception):  # a session whose master is gone may complain while it stops
            (SparkSession._instantiatedSession or SparkContext._active_spark_context).stop()


def is_driver_killed() -> bool:
    """Whether this kernel had a driver process and it has ended."""
    from pyspark import SparkContext

    process = getattr(SparkContext._gateway, "proc", None)
    return process is not None and process.poll() is not None


def java_settings(role: str, runtime: Runtime) -> dict[str, str]:
    """Give what starts the Java of a driver or of executors quickly, from the archive where there is one."""
    return {
        # Tasks of iterative algorithms (ALS) hold their lineage nested; on a daemon's stack reading it overflows.
        f"spark.{role}.extraJavaOptions": " ".join((*START_FLAGS, "-Xss4m", *archive_flags(runtime))),
        **{f"spark.{role}.extraClassPath": jar for jar in classes_jar(runtime)},
    }


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for as long as it takes to start something."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
