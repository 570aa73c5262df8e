"""How a cluster shows itself in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from coursekit.cluster import ClusterStatus

# A state is told by its word, its sign and its colour: JupyterLab's own, which follows the theme; elsewhere one that
# can be read on white and on black.
_SIGNS: Final = {
    "running": ("&#9679;", "--jp-success-color1", "#388e3c"),
    "queued": ("&#9684;", "--jp-warn-color1", "#b06f00"),
    "starting": ("&#9684;", "--jp-warn-color1", "#b06f00"),
    "degraded": ("&#9650;", "--jp-warn-color1", "#b06f00"),
    "dead": ("&#10005;", "--jp-error-color1", "#d84315"),
    "died": ("&#10005;", "--jp-error-color1", "#d84315"),
}
_CELL: Final = "padding:2px 14px 2px 0;text-align:left"


def cluster_as_html(name: str, status: ClusterStatus | None, *, executors: int, link: str | None) -> str:
    """Draw a small table: workers, their state, cores, memory, uptime.

    Parameters
    ----------
    name : str
        What is shown where there is no status: of a closed cluster, or in local mode.
    status : ClusterStatus or None
        How the cluster is now.
    executors : int
        How many this notebook's session has.
    link : str or None
        Where Spark's own pages are.
    """
    page = f" &middot; <a href='{escape(link)}' target='_blank' rel='noopener'>Spark UI</a>" if link else ""
    if status is None:
        return f"<div><code>{escape(name)}</code>{page}</div>"
    session = f"{executors} executor{'' if executors == 1 else 's'} in this session" if executors else "no session yet"
    title = f"Cluster <b>{escape(status.name)}</b> &middot; {_state(status.state)} &middot; {session}{page}"
    queue = f"<div>This cluster is {escape(str(status.queue))}.</div>" if status.queue else ""
    return f"<div>{title}{_table(status)}{queue}</div>"


def _table(status: ClusterStatus) -> str:
    rows = status.rows()
    if not rows:
        return ""
    heads = "".join(f"<th scope='col' style='{_CELL}'>{escape(key)}</th>" for key in rows[0])
    lines = "".join(f"<tr>{''.join(_cell(key, value) for key, value in row.items())}</tr>" for row in rows)
    return f"<table style='margin:4px 0'><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(key: str, value: object) -> str:
    text = "" if value is None else str(value)
    if key == "state":  # with its cause, which may be long
        return f"<td style='{_CELL}'>{_state(text)}</td>"
    return f"<td style='{_CELL};white-space:nowrap'>{escape(text)}</td>"


def _state(text: str) -> str:
    """Show a state; what follows a colon is its cause."""
    sign, variable, colour = _SIGNS.get(text.partition(":")[0], ("&#9675;", "--jp-ui-font-color2", "#757575"))
    return f"<span aria-hidden='true' style='color:var({variable},{colour})'>{sign}</span> {escape(text)}"
