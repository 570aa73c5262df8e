"""``coursekit cluster``: start, look at, scale and stop a Spark cluster from a terminal."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coursekit.cli.output import Json, print_table

if TYPE_CHECKING:
    from coursekit.cluster import ClusterStatus, Provisioner

app = typer.Typer(
    no_args_is_help=True,
    help="Start, look at, scale and stop Spark clusters.",
    epilog="Example:  coursekit cluster up --workers 2",
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="The cluster's name.")]


@app.command(epilog="Example:  coursekit cluster up mine --workers 4 --memory 2g")
def up(
    name: Name = "default",
    workers: Annotated[int, typer.Option(help="Worker nodes.")] = 2,
    cores: Annotated[int, typer.Option(help="CPU cores of each worker.")] = 1,
    memory: Annotated[str, typer.Option(help='Memory of each worker, like "2g".')] = "2g",
    gpus: Annotated[int, typer.Option(help="GPUs of each worker, for it alone.")] = 0,
    as_json: Json = False,
) -> None:
    """Start a cluster that stays until `cluster down`; replace what has died of one that runs."""
    from rich.console import Console

    from coursekit.cluster import ClusterSpec, drivers_image
    from coursekit.config import parse_memory

    spec = ClusterSpec(
        name=name, workers=workers, cores=cores, memory=parse_memory(memory), gpus=gpus, image=drivers_image()
    )
    provisioner = _provisioner()
    with Console(stderr=True).status(f"Starting {workers} workers"):
        provisioner.apply(spec)
        status = provisioner.wait_ready(name) if workers else None
    if status is None:
        typer.echo("0 workers is Spark's local mode: there is nothing to start.")
    else:
        _print(status, as_json=as_json)


@app.command(epilog="Example:  coursekit cluster status --json")
def status(
    name: Annotated[str | None, typer.Argument(help="One cluster; all when left out.")] = None, as_json: Json = False
) -> None:
    """Show clusters, their workers, and what has died."""
    provisioner = _provisioner()
    found = (provisioner.status(name),) if name else provisioner.clusters()
    if as_json:
        typer.echo(json.dumps([_as_json(one) for one in found], indent=2))
    elif not found:
        typer.echo("No cluster runs. Start one: coursekit cluster up")
    else:
        for one in found:
            _print(one, as_json=False)


@app.command(epilog="Example:  coursekit cluster scale default 4")
def scale(
    name: Name, workers: Annotated[int, typer.Argument(help="Workers from now on.")], as_json: Json = False
) -> None:
    """Change the number of workers; those that run stay."""
    from dataclasses import replace

    provisioner = _provisioner()
    provisioner.apply(replace(provisioner.spec(name), workers=workers))
    _print(provisioner.wait_ready(name), as_json=as_json)


@app.command(epilog="Example:  coursekit cluster logs default --lines 20")
def logs(
    name: Name = "default",
    lines: Annotated[int, typer.Option(help="Last lines of each node.")] = 50,
    as_json: Json = False,
) -> None:
    """Print the last lines of every node."""
    found = _provisioner().logs(name, lines=lines)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for node, text in found.items():
        typer.secho(f"--- {node}", bold=True)
        typer.echo(text)


@app.command(epilog="Example:  coursekit cluster down --all")
def down(
    name: Name = "default", every: Annotated[bool, typer.Option("--all", help="All clusters of this user.")] = False
) -> None:
    """Stop a cluster and everything that belongs to it; one that is not there is no error."""
    provisioner = _provisioner()
    names = [one.name for one in provisioner.clusters()] if every else [name]
    for one in names:
        provisioner.delete(one)
    typer.echo(f"Stopped: {', '.join(names) or 'nothing ran'}.")


@app.command(epilog="Example:  coursekit cluster sweep")
def sweep(as_json: Json = False) -> None:
    """Stop clusters whose notebook server is gone: what a crashed server left, found by label."""
    from coursekit.engine import open_engine

    found = open_engine(keep=True).sweep()
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(f"Stopped: {', '.join(found)}." if found else "Nothing was left behind.")


@app.command(epilog="Example:  coursekit cluster warm")
def warm(fresh: Annotated[bool, typer.Option(help="Build it again.")] = False) -> None:
    """Build, once, the archive of Spark's classes that makes clusters start in about half the time."""
    from rich.console import Console

    from coursekit.spark.warm import build_archive

    with Console(stderr=True).status("Looking for the archive") as shown:
        path = build_archive(fresh=fresh, tell=shown.update)
    typer.echo(f"Clusters start from {path}")


def _provisioner() -> Provisioner:
    from coursekit.cluster import open_provisioner

    return open_provisioner(keep=True)


def _as_json(status: ClusterStatus) -> dict[str, Any]:
    return asdict(status)


def _print(status: ClusterStatus, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_as_json(status), indent=2))
        return
    ready = f"{status.registered} of {len(status.workers)} workers ready"
    typer.echo(
        f"Cluster {status.name!r} of {status.owner} is {status.state}: {ready}, {status.applications} applications."
    )
    if status.queue is not None:
        typer.echo(f"It is {status.queue}.")
    if status.ui_url:
        typer.echo(f"Its page: {status.ui_url}")
    if status.workers:
        print_table(status.rows())
