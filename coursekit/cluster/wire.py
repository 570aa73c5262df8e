"""What the gateway and its client tell each other: statuses, access and errors as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from coursekit import errors
from coursekit.cluster.provisioner import Access, Change, ClusterStatus, QueuePlace, WorkerStatus
from coursekit.cluster.runtime import Runtime
from coursekit.errors import CoursekitError, GatewayError


def status_as_json(status: ClusterStatus) -> dict[str, Any]:
    """Write a cluster's status."""
    return asdict(status)


def read_status(document: dict[str, Any]) -> ClusterStatus:
    """Read what `status_as_json` wrote."""
    workers = tuple(WorkerStatus(**worker) for worker in document["workers"])
    return ClusterStatus(**{**document, "workers": workers, "queue": read_queue(document["queue"])})


def read_queue(document: dict[str, Any] | None) -> QueuePlace | None:
    """Read a place in the queue; None of a cluster that waits for nothing."""
    return None if document is None else QueuePlace(**document)


def read_change(document: dict[str, Any]) -> Change:
    """Read what was done to a cluster."""
    return Change(
        started=tuple(document["started"]),
        stopped=tuple(document["stopped"]),
        replaced=tuple(WorkerStatus(**worker) for worker in document["replaced"]),
        master_replaced=document["master_replaced"],
    )


def read_access(document: dict[str, Any]) -> Access:
    """Read what a driver needs."""
    return Access(**{**document, "runtime": Runtime(**document["runtime"])})


def error_as_json(error: CoursekitError) -> dict[str, Any]:
    """Write an error: ``code`` is its class, ``exit_code`` a command's."""
    return {
        "code": type(error).__name__,
        "exit_code": error.exit_code,
        "message": error.message,
        "fix": error.fix,
    }


def read_error(document: dict[str, Any]) -> CoursekitError:
    """Make the error again that the other side raised; one that is not of the course becomes a `GatewayError`."""
    kind = getattr(errors, str(document.get("code")), None)
    is_ours = isinstance(kind, type) and issubclass(kind, CoursekitError)
    chosen: type[CoursekitError] = kind if is_ours and kind is not None else GatewayError
    return chosen(str(document.get("message", "the gateway failed.")), fix=str(document.get("fix", "try again")))
