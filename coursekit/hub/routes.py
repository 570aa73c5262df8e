"""JupyterHub's proxy, but for what it tells of activity."""

from __future__ import annotations

from typing import Any

from jupyterhub.proxy import ConfigurableHTTPProxy


class CourseProxy(ConfigurableHTTPProxy):  # type: ignore[misc]  # jupyterhub has no types
    """Leaves it to the servers to say when they were last used.

    A proxy sees every request, also those that a page in a forgotten tab sends by itself; and PyPI's writes the local
    time where the Hub reads UTC, so that east of Greenwich no server would ever be idle.
    """

    async def get_all_routes(self) -> Any:
        """Give the proxy's routes without when they were last used."""
        routes = await super().get_all_routes()
        for route in routes.values():
            route["data"].pop("last_activity", None)
        return routes
