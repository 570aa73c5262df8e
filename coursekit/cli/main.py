"""The root command, and how errors become exit codes."""

from __future__ import annotations

import sys

import typer

from coursekit.errors import CoursekitError

app = typer.Typer(
    name="coursekit",
    help="Machine learning on provisioned resources: clusters, notebooks, assignments and the Hub of the course.",
    epilog="Example:  coursekit doctor",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command; an error that the user can mend is printed with its fix and gives its own exit code."""
    try:
        app()
    except CoursekitError as error:
        typer.secho(f"{type(error).__name__}: ", fg="red", bold=True, nl=False, err=True)
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)
