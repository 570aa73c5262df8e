"""The door to Spark's pages: ``<base>spark/<port>/``, and ``<base>spark/<host>/<port>/`` for a node in a container.

What a hostile page could do with it, and what is done about that:

- It could let the user's browser ask for ``/jobs/job/kill/?id=0``. The door is for reading: GET and HEAD only, so that
  no token against forged requests is needed, which Spark's forms would not carry; and no path that kills. Sessions
  behind a Hub have ``spark.ui.killEnabled=false`` too, and masters always.
- It could read the pages: only when it comes from the same origin. Spark's answers allow no other, and nor do we.
- Another user's browser: the server asks for a login, and the Hub lets nobody else in, as for any page of the server.
- The cookies and tokens of the Hub end here. Spark does not need them, and a container that runs somebody's code
  must not see them.
- Whoever may use this server has a kernel and jupyter-server-proxy on it, and so all ports of this machine already.
  Other hosts are another matter: only the nodes of the user's own clusters are.
"""

from __future__ import annotations

import asyncio
import contextlib
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from jupyter_server.utils import url_path_join
from jupyter_server_proxy.handlers import RemoteProxyHandler, RewritableResponse
from tornado.web import Application, HTTPError

from coursekit.config import owner
from coursekit.engine import open_engine
from coursekit.pages.address import SPARK, adapt, location, path_of
from coursekit.ports import LOOPBACK

if TYPE_CHECKING:
    from tornado.httputil import HTTPHeaders

_PRIVATE: Final = ("Authorization", "Cookie")
_GONE: Final = "Nothing of Spark's is there: its session or its cluster has ended. Look at the cluster in the notebook."


class SparkPagesHandler(RemoteProxyHandler):  # type: ignore[misc]  # jupyter-server-proxy has no types
    """Shows pages of this user's driver, master and workers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # A method would not do: jupyter-server-proxy counts its `self` as an argument that is missing.
        super().__init__(*args, rewrite_response=lambda response: self._adapt(response), **kwargs)

    async def prepare(self) -> None:
        """Ask for a login, then refuse what is not reading."""
        await super().prepare()
        if self.request.method not in ("GET", "HEAD") or "Upgrade" in self.request.headers:
            raise HTTPError(405)

    async def proxy(self, host: str | None, port: str, proxied_path: str) -> None:
        """Fetch one page."""
        if "kill" in proxied_path:  # of Spark's path alone, decoded: a user may be called so
            raise HTTPError(403)
        host = host or LOOPBACK
        self.proxy_base = path_of(host, port)  # jupyter-server-proxy tells it to Spark, and puts it before redirects
        address = host if is_loopback(host) else (await asyncio.to_thread(own_nodes)).get(host)
        if address is None:
            raise HTTPError(403, f"{host} is no node of your clusters that runs.")
        if not proxied_path:  # where workers link their master; its own links would miss the slash
            self.redirect(url_path_join(self.base_url, self.proxy_base) + "/")
            return
        self.host_allowlist = [address]
        try:
            await super().proxy(address, port, proxied_path)
        except OSError as error:  # nobody listens
            raise HTTPError(410, _GONE) from error  # Jupyter's page for 404 would not say it

    def proxy_request_headers(self) -> HTTPHeaders:
        """Give Spark the browser's headers but for those that are not its business."""
        headers: HTTPHeaders = super().proxy_request_headers()
        for name in _PRIVATE:
            headers.pop(name, None)
        headers["Accept-Encoding"] = "identity"  # what is packed cannot be adapted
        return headers

    def _adapt(self, response: RewritableResponse) -> None:
        headers = response.headers
        if "Location" in headers:
            headers["Location"] = location(headers["Location"], url_path_join(self.base_url, self.proxy_base))
        if response.body:
            response.body = adapt(response.body, headers.get("Content-Type", ""), self.base_url)


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own; workers that are processes have one each."""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return False


def own_nodes() -> dict[str, str]:
    """Give the addresses of this user's nodes by their names, by which they call each other, and by themselves."""
    nodes = {node.name: node.address for node in open_engine().nodes(owner=owner()) if node.address}
    return nodes | {address: address for address in nodes.values()}


def add_handlers(application: Application) -> None:
    """Open the door on a Jupyter server."""
    path = url_path_join(application.settings["base_url"], SPARK, r"(?:((?!\d+/)[A-Za-z0-9.-]+)/)?(\d{1,5})(/.*|)")
    application.add_handlers(".*", [(path, SparkPagesHandler)])
