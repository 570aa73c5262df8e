"""PyPI's pure-Python proxy for JupyterHub, told to serve a class: ``python -m coursekit.hub.proxy`` takes its options.

The proxy passes requests on with Tornado's HTTP client, whose defaults are 10 requests at a time and 20 seconds for
each. Every student who waits for a server holds one request for as long as the start takes, so with these defaults
ten of them would shut out everybody else, and a slow start would be reported as a failure. The proxy has no option
for the former.
"""

from __future__ import annotations

from typing import Final

REQUESTS: Final = 1000
REQUEST_S: Final = 600.0


def main() -> None:
    """Run the proxy."""
    from configurable_http_proxy.cli import main as run  # type: ignore[import-untyped]
    from tornado.httpclient import AsyncHTTPClient

    AsyncHTTPClient.configure(None, max_clients=REQUESTS, defaults={"request_timeout": REQUEST_S})
    run()


if __name__ == "__main__":
    main()
