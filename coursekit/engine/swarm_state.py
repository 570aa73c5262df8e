"""Reads what a Swarm tells of its hosts, services and tasks: pure."""

from __future__ import annotations

from typing import Any, Final

from coursekit.engine import daemon
from coursekit.engine.base import Node

GPU_KIND: Final = "gpu"
WAITING: Final = ("new", "pending", "assigned", "accepted", "preparing", "ready", "starting")
RUNNING: Final = (*WAITING, "running")


def read_host(host: dict[str, Any]) -> dict[str, Any]:
    """Read one host of the Swarm's listing: id, name, whether it is there, what it has; memory in bytes."""
    description, resources = host["Description"], host["Description"]["Resources"]
    gpus = 0
    for one in resources.get("GenericResources") or ():
        named, counted = one.get("NamedResourceSpec"), one.get("DiscreteResourceSpec")
        gpus += bool(named and named["Kind"] == GPU_KIND)
        gpus += counted["Value"] if counted and counted["Kind"] == GPU_KIND else 0
    return {
        "id": host["ID"],
        "name": description["Hostname"],
        "role": host["Spec"]["Role"],
        "labels": host["Spec"].get("Labels") or {},
        "is_there": host["Status"]["State"] == "ready",
        "is_active": host["Spec"]["Availability"] == "active",
        "cores": int(resources["NanoCPUs"] // 10**9),
        "memory": int(resources["MemoryBytes"]),
        "gpus": gpus,
    }


def satisfies(host: dict[str, Any], constraint: str) -> bool:
    """Whether a host satisfies a constraint of the Swarm's, as far as we can tell."""
    key, equal, value = (constraint if "==" in constraint else constraint.replace("!=", "!==", 1)).partition("==")
    wanted = not key.endswith("!")
    key, value = key.rstrip("!").strip(), value.strip()
    known = {"node.role": host["role"], "node.hostname": host["name"], "node.id": host["id"]}
    found = (
        host["labels"].get(key.removeprefix("node.labels."), "") if key.startswith("node.labels.") else known.get(key)
    )
    return not equal or found is None or (found == value) == wanted


def read_node(service: dict[str, Any], task: dict[str, Any] | None, hosts: dict[str, dict[str, Any]]) -> Node:
    """Read a node from its service, its newest task and the hosts (by id, see `read_host`)."""
    status: dict[str, Any] = task["Status"] if task else {"State": "new"}
    host = hosts.get(task["NodeID"], {}) if task and "NodeID" in task else {}
    is_lost = bool(host) and not host["is_there"] and status["State"] in RUNNING
    is_running = status["State"] in RUNNING and not is_lost
    code = (status.get("ContainerStatus") or {}).get("ExitCode")
    attachments = (task or {}).get("NetworksAttachments") or ()
    addresses = [address for one in attachments for address in one.get("Addresses") or ()]
    return Node(
        name=service["Spec"]["Name"],
        **daemon.read_labels(service["Spec"]["Labels"]),
        state="running" if is_running else "exited",
        exit_code=None if is_running or is_lost else code,
        started=daemon.seconds(service["CreatedAt"]),
        address=addresses[0].split("/")[0] if addresses and is_running else None,
        host=host.get("name", ""),
        reason=f"its host {host['name']} is gone" if is_lost else "" if is_running else str(status.get("Err", "")),
    )
