"""``coursekit hub``: the Hub of this checkout."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from coursekit.cli.output import Json, show
from coursekit.config import find_course

app = typer.Typer(
    no_args_is_help=True,
    help="Start, stop and look at the course's Hub on this machine.",
    epilog="Example:  coursekit hub up",
    rich_markup_mode=None,
)

WARNING = (
    "All users of this Hub share one Unix account: students are not isolated from each other. It is for trying "
    "the course out; a course with real students needs containers."
)
Port = Annotated[int | None, typer.Option(help="Port on 127.0.0.1; 0 takes a free one. [default: hub/course.toml's]")]


@app.command(epilog="Example:  coursekit hub up --port 8001")
def up(port: Port = None, as_json: Json = False) -> None:
    """Start the Hub in the background, wait until it answers, and print its address and the logins.

    Users are not isolated from each other: everything runs under your own account, on 127.0.0.1 only.
    """
    from coursekit.cli.steps import watching
    from coursekit.hub.server import up as start
    from coursekit.hub.settings import read_settings

    settings = read_settings(find_course(), port=port)
    with watching(quiet=as_json) as watch:
        watch("start the Hub", 0, 1)
        hub = start(settings)
        watch("start the Hub", 1, 1)
    if as_json:
        show([asdict(hub)], as_json=True)
        return
    show_logins(hub.url, logins=login_rows(settings.instructors, hub.passwords.students, hub.passwords.instructors))
    typer.echo("Stop it with: coursekit hub down")


@app.command(epilog="Example:  coursekit hub down")
def down() -> None:
    """Stop the Hub, its proxy and services, all users' servers, their kernels and their Spark clusters."""
    from coursekit.hub.server import down as stop
    from coursekit.hub.settings import read_settings

    count = stop(read_settings(find_course()))
    typer.echo(f"Stopped {count} processes." if count else "Nothing was running.")


@app.command(epilog="Example:  coursekit hub status --json")
def status(as_json: Json = False) -> None:
    """Show what runs: the Hub and whether it answers, its proxy, formgrader, and the servers of its users."""
    from coursekit.hub.server import status as look
    from coursekit.hub.settings import read_settings

    rows = [asdict(part) for part in look(read_settings(find_course()))]
    show(rows, as_json=as_json, empty="No Hub runs. Start it with: coursekit hub up")


def login_rows(instructors: tuple[str, ...], student_password: str, instructor_password: str) -> list[dict[str, str]]:
    """Say who logs in with what."""
    students = {"who": "students", "name": "ada, ben, chloe, or any other", "password": student_password}
    return [students, {"who": "instructor", "name": ", ".join(instructors), "password": instructor_password}]


def show_logins(url: str, *, logins: list[dict[str, str]]) -> None:
    """Print the Hub's address, the logins and what this mode does not give."""
    typer.echo(f"\nThe Hub is at {url}\n")
    show(logins, as_json=False, title="Logins of this run")
    typer.secho(f"\n{WARNING}\n", fg="yellow")
