"""PyPI's pure-Python proxy for JupyterHub, told to serve a class: ``python -m coursekit.hub.proxy`` takes its options.

The proxy passes requests on with Tornado's HTTP client, whose defaults are 10 requests at a time and 20 seconds for
each. Every student who waits for a server holds one request for as long as the start takes, so with these defaults
ten of them would shut out everybody else, and a slow start would be reported as a failure. The proxy has no option
for the former.
"""

from __future__ import annotations

import sys
from typing import Any, Final

REQUESTS: Final = 1000
REQUEST_S: Final = 600.0


class _OfHost:
    """The proxy as requests for one host see it: PyPI's keeps routes by host, but looks for them without."""

    def __init__(self, proxy: Any, host: str) -> None:
        self._proxy = proxy
        self._host = host

    def __getattr__(self, name: str) -> Any:
        return getattr(self._proxy, name)

    def target_for_req(self, _: str | None, path: str) -> Any:
        """Find where a request goes; the Hub's own names are the default route."""
        return self._proxy.target_for_req(self._host, f"/{path.lstrip('/')}")


def route_by_host() -> None:
    """Let servers have names of their own, as ``JupyterHub.subdomain_host`` needs it."""
    from configurable_http_proxy.handlers import ProxyHandler  # type: ignore[import-untyped]

    initialize = ProxyHandler.initialize

    def initialize_of_host(self: Any, proxy: Any, **more: Any) -> None:
        initialize(self, proxy=_OfHost(proxy, self.request.host_name) if proxy.host_routing else proxy, **more)

    ProxyHandler.initialize = initialize_of_host


def main() -> None:
    """Run the proxy."""
    from configurable_http_proxy.cli import main as run  # type: ignore[import-untyped]
    from tornado.httpclient import AsyncHTTPClient

    AsyncHTTPClient.configure(None, max_clients=REQUESTS, defaults={"request_timeout": REQUEST_S})
    # JupyterHub gives it as a flag, as the original proxy takes it; this one asks for a value.
    sys.argv[:] = [f"{word}=yes" if word == "--host-routing" else word for word in sys.argv]
    route_by_host()
    run()


if __name__ == "__main__":
    main()
