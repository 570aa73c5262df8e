"""The services of a Swarm that the engine starts: nodes, and the agents that act on nodes of other hosts."""

from __future__ import annotations

import time
from typing import Any, Final

from coursekit.engine import daemon
from coursekit.engine.base import NodeSpec
from coursekit.engine.swarm_state import GPU_KIND, RUNNING
from coursekit.errors import EngineError

_AGENT_S: Final = 60.0
_POLL_S: Final = 0.05
_SOCKET: Final = "/var/run/docker.sock"


def describe(
    spec: NodeSpec, *, image: str, labels: dict[str, str], network: str, constraints: list[str]
) -> dict[str, Any]:
    """Describe a node's service, as arguments of the SDK's ``create_service``."""
    from docker.types import ContainerSpec, EndpointSpec, Mount, Placement, Resources, RestartPolicy, TaskTemplate

    data = daemon.data_folder()
    resources = Resources(
        cpu_limit=spec.cores * 10**9 or None,
        mem_limit=spec.memory or None,
        cpu_reservation=spec.cores * 10**9 or None,
        mem_reservation=spec.memory or None,
        generic_resources={GPU_KIND: spec.gpus} if spec.gpus else None,
    )
    resources.setdefault("Limits", {})["Pids"] = daemon.MAX_PROCESSES
    container = ContainerSpec(
        image,
        args=list(spec.command),
        hostname=spec.name,
        env=[f"{key}={value}" for key, value in spec.environment.items()],
        labels=labels,
        user=daemon.USER,
        cap_drop=["ALL"],
        stop_grace_period=daemon.STOP_S * 10**9,
        mounts=[Mount(str(data), str(data), type="bind", read_only=True)] if data else None,
    )
    container["DNSConfig"] = {"Options": list(daemon.DNS_OPTIONS)}
    container["Privileges"] = {"NoNewPrivileges": True}  # daemons before 28 do not know it, and ignore it
    return {
        "task_template": TaskTemplate(
            container,
            resources=resources,
            restart_policy=RestartPolicy(condition="none"),
            placement=Placement(constraints=constraints),
            networks=[network],
        ),
        "name": spec.name,
        "labels": labels,
        "endpoint_spec": EndpointSpec(mode="dnsrr"),  # a virtual IP needs IP_VS, which not every kernel has
    }


def run_agent(api: Any, host: str, command: list[str], *, image: str, labels: dict[str, str], host_name: str) -> None:
    """Run a command on a host as a service that ends by itself, with that host's daemon to talk to.

    Raises
    ------
    EngineError
        If it does not end well within a minute.
    """
    from docker.types import ContainerSpec, Mount, Placement, RestartPolicy, TaskTemplate

    container = ContainerSpec(
        image,
        command=command,
        user="0:0",
        mounts=[Mount(_SOCKET, _SOCKET, type="bind")],
    )
    template = TaskTemplate(
        container,
        restart_policy=RestartPolicy(condition="none"),
        placement=Placement(constraints=[f"node.id=={host}"]),
    )
    service = str(api.create_service(template, labels=labels)["ID"])
    try:
        deadline = time.monotonic() + _AGENT_S
        status: dict[str, Any] = {"State": "new"}
        while status["State"] in RUNNING and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            status = next((task["Status"] for task in api.tasks(filters={"service": service})), status)
        if status["State"] != "complete":
            raise EngineError(
                f"the agent on host {host_name} did not end: {status['State']} {status.get('Err', '')}",
                fix=f"see that the host is there (docker node ls), has the image {image} and {_SOCKET}",
            )
    finally:
        api.remove_service(service)
