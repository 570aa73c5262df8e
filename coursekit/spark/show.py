"""How a cluster shows itself in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coursekit.cluster import ClusterStatus
    from coursekit.spark.cluster import SparkCluster

_LEFT = "style='text-align:left'"
_DOT = {"running": "#2a7f62", "starting": "#b58900", "degraded": "#d1495b", "dead": "#d1495b", "died": "#d1495b"}


def cluster_as_html(cluster: SparkCluster, status: ClusterStatus | None) -> str:
    """Draw a small table: workers, cores, memory, state, uptime."""
    if status is None:
        return f"<code>{escape(repr(cluster))}</code>"
    rows = "".join(
        f"<tr>{''.join(f'<td {_LEFT}>{_cell(key, str(value))}</td>' for key, value in row.items())}</tr>"
        for row in status.rows()
    )
    heads = "".join(f"<th {_LEFT}>{escape(key)}</th>" for row in status.rows()[:1] for key in row)
    link = f" · <a href='{escape(cluster.ui_url or '')}' target='_blank'>Spark UI</a>" if cluster.ui_url else ""
    title = f"{_dot(status.state)} cluster <b>{escape(status.name)}</b> · {escape(status.state)}{link}"
    return f"<div>{title}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"


def _cell(key: str, value: str) -> str:
    return f"{_dot(value.split(':')[0])} {escape(value)}" if key == "state" else escape(value)


def _dot(state: str) -> str:
    return f"<span style='color:{_DOT.get(state, '#888')}'>&#9679;</span>"
