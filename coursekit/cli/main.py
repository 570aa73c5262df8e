"""The root command, and how errors become exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from coursekit import __version__
from coursekit.cli import assignment, cluster, dataset, gateway, hub, image, notebook
from coursekit.cli.demo import demo
from coursekit.cli.doctor import doctor
from coursekit.cli.gpu import gpu
from coursekit.cli.rehearse import rehearse
from coursekit.cli.usage import usage
from coursekit.errors import CoursekitError

app = typer.Typer(
    name="coursekit",
    help="Machine learning on provisioned resources: clusters, notebooks, assignments and the Hub of the course.",
    epilog="Example:  coursekit doctor",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command(epilog="Example:  coursekit doctor --json")(doctor)
app.add_typer(hub.app, name="hub")
app.add_typer(gateway.app, name="gateway")
app.command(epilog="Example:  coursekit rehearse --students 6")(rehearse)
app.command(epilog="Example:  coursekit demo --exit")(demo)
app.add_typer(cluster.app, name="cluster")
app.command(epilog="Example:  coursekit usage --by owner --by day --since 7d")(usage)
app.command(epilog="Example:  coursekit gpu --json")(gpu)
app.add_typer(image.app, name="image")
app.add_typer(notebook.app, name="notebook")
app.add_typer(assignment.app, name="assignment")
app.add_typer(dataset.app, name="dataset")


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Print the version, or leave it to the commands."""
    if version:
        typer.echo(f"coursekit {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command; an error that the user can mend is printed with its fix and gives its own exit code."""
    try:
        app()
    except CoursekitError as error:
        typer.secho(f"{type(error).__name__}: ", fg="red", bold=True, nl=False, err=True)
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("Stopped.", err=True)
        sys.exit(130)
