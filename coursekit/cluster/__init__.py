"""Clusters: a specification, its nodes, and what makes wanted and running equal."""

from __future__ import annotations

import os

from coursekit.cluster.local import LocalProvisioner
from coursekit.cluster.plan import plan
from coursekit.cluster.provisioner import Access, Change, ClusterStatus, Provisioner, QueuePlace, WorkerStatus
from coursekit.cluster.remote import GatewayClient
from coursekit.cluster.spec import ClusterSpec, drivers_image

__all__ = [
    "Access",
    "Change",
    "ClusterSpec",
    "ClusterStatus",
    "GatewayClient",
    "LocalProvisioner",
    "Provisioner",
    "QueuePlace",
    "WorkerStatus",
    "drivers_image",
    "open_provisioner",
    "plan",
]


def open_provisioner(*, keep: bool = False) -> Provisioner:
    """Open what keeps clusters here: the class's gateway where ``COURSEKIT_GATEWAY_URL`` names one, else an engine.

    Parameters
    ----------
    keep : bool
        Whether clusters of an engine outlive this process; those of the gateway live as long as the user's server.
    """
    if os.environ.get("COURSEKIT_GATEWAY_URL"):
        return GatewayClient()
    if not keep:
        return LocalProvisioner()
    from coursekit.engine import open_engine

    return LocalProvisioner(open_engine(keep=True))
