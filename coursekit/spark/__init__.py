"""Spark in a notebook: clusters of one's own, sessions on them, the ``%sc`` magic."""

from coursekit.spark.cluster import SparkCluster

__all__ = ["SparkCluster"]
