"""Clusters: a specification, its nodes, and what makes wanted and running equal."""

from coursekit.cluster.local import LocalProvisioner
from coursekit.cluster.plan import plan
from coursekit.cluster.provisioner import Access, Change, ClusterStatus, Provisioner, WorkerStatus
from coursekit.cluster.spec import ClusterSpec

__all__ = [
    "Access",
    "Change",
    "ClusterSpec",
    "ClusterStatus",
    "LocalProvisioner",
    "Provisioner",
    "WorkerStatus",
    "plan",
]
