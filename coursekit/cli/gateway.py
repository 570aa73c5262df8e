"""``coursekit gateway``: the service that gives each of a class their clusters."""

from __future__ import annotations

import json

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="Run the class's gateway, as the Hub does.",
    epilog="Example:  coursekit gateway run",
    rich_markup_mode=None,
)


@app.command(epilog="Example:  coursekit gateway run")
def run() -> None:
    """Run the gateway until it is asked to end; clusters stay, and the next one finds them.

    It is a service of the Hub: JUPYTERHUB_SERVICE_URL, JUPYTERHUB_SERVICE_PREFIX, JUPYTERHUB_API_URL and
    JUPYTERHUB_API_TOKEN say where it listens and whom it asks who asks.
    """
    from coursekit.gateway.service import start

    start()


@app.command(epilog="Example:  coursekit gateway openapi > gateway.json")
def openapi() -> None:
    """Print the description of its interface (OpenAPI 3.1)."""
    from coursekit.gateway.openapi import describe
    from coursekit.gateway.settings import GatewaySettings

    typer.echo(json.dumps(describe(GatewaySettings(), server="/services/gateway/api/v1"), indent=2))
