"""From a cluster's specification to its nodes: pure, so that it is tested without any node."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Final

from coursekit.cluster.archive import archive_flags, classpath
from coursekit.cluster.runtime import Runtime
from coursekit.cluster.spec import ClusterSpec
from coursekit.config import MiB, host_part, shorten
from coursekit.engine import Node, NodeSpec
from coursekit.ports import loopback

MASTER: Final = "master"
WORKER: Final = "worker"

_MASTER_CLASS: Final = "org.apache.spark.deploy.master.Master"
_WORKER_CLASS: Final = "org.apache.spark.deploy.worker.Worker"
_DAEMON_HEAP: Final = 160 * MiB
_WORKER_TIMEOUT_S: Final = 30  # a host that was cut off is noticed in half of Spark's own time
_MASTER_MEMORY: Final = 512 * MiB

# A daemon of Spark does little but start: compile once, collect with one thread. Halves the CPU time of a start.
START_FLAGS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xss512k")
_MODULE_FLAGS: Final = (
    "--add-modules=jdk.incubator.vector",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "-Dio.netty.tryReflectionSetAccessible=true",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """What the nodes of one cluster have in common.

    Parameters
    ----------
    owner : str
        Whose cluster it is.
    runtime : Runtime
        Java, Spark and Python as the nodes see them.
    master_host : str
        Where workers find the master: an address, or a name in their network.
    listen : str or None
        The address that all nodes listen on; None for each container's own.
    port : int
        The master's port.
    ui_port : int
        The port of the master's web page.
    secret : str
        What processes of this cluster prove to each other (``spark.authenticate.secret``).
    """

    owner: str
    runtime: Runtime
    master_host: str
    listen: str | None
    port: int
    ui_port: int
    secret: str

    @property
    def master_url(self) -> str:
        """Where workers and drivers find the master."""
        return f"spark://{self.master_host}:{self.port}"

    @property
    def labels(self) -> dict[str, str]:
        """What has to be known to find the cluster again."""
        return {
            "master_host": self.master_host,
            "listen": self.listen or "",
            "port": str(self.port),
            "ui_port": str(self.ui_port),
            "secret": self.secret,
            "python": self.runtime.python_version,
        }


def plan(spec: ClusterSpec, launch: Launch) -> tuple[NodeSpec, ...]:
    """Lay out the nodes of a cluster, the master first; none for Spark's local mode."""
    if spec.workers == 0:
        return ()
    return (_master(spec, launch), *(_worker(spec, launch, index) for index in range(1, spec.workers + 1)))


def launch_of(master: Node, runtime: Runtime) -> Launch:
    """Read back from a master's labels what its cluster's nodes have in common."""
    labels = master.labels
    return Launch(
        owner=master.owner,
        runtime=runtime,
        master_host=labels["master_host"],
        listen=labels["listen"] or None,
        port=int(labels["port"]),
        ui_port=int(labels["ui_port"]),
        secret=labels["secret"],
    )


def spec_of(nodes: tuple[Node, ...]) -> ClusterSpec:
    """Read a cluster's specification back from its nodes' labels; the workers are those that are there."""
    shape = json.loads(nodes[0].labels["shape"])
    workers = sum(node.role == WORKER for node in nodes)
    return ClusterSpec(
        name=nodes[0].group,
        workers=workers,
        cores=shape["cores"],
        memory=shape["memory"],
        image=shape.get("image", ""),
        gpus=shape.get("gpus", 0),
    )


def _master(spec: ClusterSpec, launch: Launch) -> NodeSpec:
    arguments = ("--port", str(launch.port), "--webui-port", str(launch.ui_port), *_listen(launch))
    return NodeSpec(
        name=master_name(launch.owner, spec.name),
        owner=launch.owner,
        group=spec.name,
        role=MASTER,
        command=_java(launch.runtime, _MASTER_CLASS, *arguments),
        environment=_environment(launch),
        labels={**launch.labels, "shape": _shape(spec)},
        cores=0,
        memory=_MASTER_MEMORY,
        image=spec.image,
        beside_driver=True,
    )


def _worker(spec: ClusterSpec, launch: Launch, index: int) -> NodeSpec:
    heap = f"{spec.executor_heap // MiB}m"
    name = _node_name(launch.owner, spec.name, f"{WORKER}-{index}")
    identity = f"-Dspark.worker.idPattern={name}.%s-%s-%d"  # tells which of the master's workers is which node
    # Spark forgets all that a host held when a worker of it goes: workers of one machine are hosts of their own.
    own = replace(launch, listen=loopback(index)) if launch.listen else launch
    arguments = ("--cores", str(spec.cores), "--memory", heap, "--webui-port", "0", *_listen(own))
    return NodeSpec(
        name=name,
        owner=launch.owner,
        group=spec.name,
        role=WORKER,
        command=_java(
            launch.runtime, _WORKER_CLASS, *arguments, "--work-dir", "work", launch.master_url, options=(identity,)
        ),
        environment=_environment(own),
        labels={**own.labels, "shape": _shape(spec)},
        cores=spec.cores,
        memory=spec.memory,
        gpus=spec.gpus,
        image=spec.image,
    )


def master_name(owner: str, cluster: str) -> str:
    """Name a cluster's master node."""
    return _node_name(owner, cluster, MASTER)


def _node_name(owner: str, cluster: str, role: str) -> str:
    """Name a node so that it can be a host name."""
    return f"{shorten(f'{host_part(owner)}-{cluster}', 50)}-{role}"


def _listen(launch: Launch) -> tuple[str, ...]:
    return ("--host", launch.listen) if launch.listen else ()


def _shape(spec: ClusterSpec) -> str:
    return json.dumps({"cores": spec.cores, "memory": spec.memory, "image": spec.image, "gpus": spec.gpus})


def _java(runtime: Runtime, main: str, *arguments: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Start a daemon without ``spark-class``, which runs a Java of its own to write the same command."""
    return (
        runtime.java,
        f"-Xmx{_DAEMON_HEAP // MiB}m",
        *START_FLAGS,
        *_MODULE_FLAGS,
        "-Dspark.authenticate=true",
        "-Dspark.port.maxRetries=0",  # a port that is taken is an error, not a master somewhere else
        "-Dspark.master.rest.enabled=false",
        "-Dspark.ui.killEnabled=false",  # its page asks for no password; clusters are stopped by us
        "-Dspark.decommission.enabled=true",
        f"-Dspark.worker.timeout={_WORKER_TIMEOUT_S}",
        *options,
        *archive_flags(runtime),
        "-cp",
        classpath(runtime),
        main,
        *arguments,
    )


def _environment(launch: Launch) -> dict[str, str]:
    return {
        "SPARK_HOME": launch.runtime.spark_home,
        "SPARK_SCALA_VERSION": "2.13",  # what spark-class would have found out; executors fail without it
        **({"SPARK_LOCAL_IP": launch.listen, "SPARK_PUBLIC_DNS": launch.listen} if launch.listen else {}),
        "_SPARK_AUTH_SECRET": launch.secret,
        "JAVA_HOME": launch.runtime.java.removesuffix("/bin/java"),
        "PYSPARK_PYTHON": launch.runtime.python,
    }
