"""Things that go wrong, on demand: lessons show what Spark makes of them."""

from __future__ import annotations

from coursekit.spark import SparkCluster


def kill_worker(cluster: SparkCluster, number: int) -> str:
    """Kill a worker with its executor by SIGKILL, as if its power had been cut.

    Parameters
    ----------
    cluster : SparkCluster
        One that has workers.
    number : int
        Which of them, the first being 0.

    Returns
    -------
    str
        The name of the node that died.

    Raises
    ------
    SettingsError
        If there is no worker of that number.
    """
    return cluster.provisioner.kill_worker(cluster.name, number)
