"""``coursekit hub``: the Hub of this checkout."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
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
ONE_ORIGIN = (
    "Students' servers share the Hub's address, so a page that a student makes acts as whoever opens it. "
    "Where students are strangers, set site under [network] of hub/course.toml."
)
Engine = Annotated[
    str | None,
    typer.Option(help="What runs users' servers: process, docker or swarm. [default: hub/course.toml's]"),
]
Port = Annotated[int | None, typer.Option(help="Port on 127.0.0.1; 0 takes a free one. [default: hub/course.toml's]")]


@app.command(epilog="Example:  coursekit hub up --engine docker")
def up(port: Port = None, engine: Engine = None, as_json: Json = False) -> None:
    """Start the Hub in the background, wait until it answers, and print its address and the logins.

    With the engine docker each user has a container of their own. With process, users are not isolated from each other:
    everything runs under your own account, on 127.0.0.1 only.
    """
    from coursekit.cli.steps import watching
    from coursekit.hub.roster import read_roster
    from coursekit.hub.server import up as start
    from coursekit.hub.settings import read_settings

    settings = read_settings(find_course(), port=port, engine=engine)
    with watching(quiet=as_json) as watch:
        watch("start the Hub", 0, 1)
        hub = start(settings)
        watch("start the Hub", 1, 1)
    if as_json:
        show([asdict(hub)], as_json=True)
        return
    logins = login_rows(
        settings.instructors,
        hub.passwords.students,
        hub.passwords.instructors,
        kind=settings.login.kind,
        names=student_names(len(read_roster(settings)), only_roster=settings.login.only_roster),
    )
    show_logins(hub.url, logins=logins, warn=not settings.runs_containers)
    if settings.runs_containers and not settings.network.site:
        typer.echo(ONE_ORIGIN)
    typer.echo("Stop it with: coursekit hub down")


@app.command(epilog="Example:  coursekit hub down")
def down(
    keep_servers: Annotated[
        bool, typer.Option("--keep-servers", help="Leave users' containers: the next Hub finds them.")
    ] = False,
    engine: Engine = None,
) -> None:
    """Stop the Hub, its proxy and services, all users' servers, their kernels and their Spark clusters."""
    from coursekit.hub.server import down as stop
    from coursekit.hub.settings import read_settings

    count = stop(read_settings(find_course(), engine=engine), keep_servers=keep_servers)
    typer.echo(f"Stopped {count} processes and containers." if count else "Nothing was running.")


@app.command(epilog="Example:  coursekit hub roster class.csv")
def roster(
    file: Annotated[Path, typer.Argument(help="Comma-separated values with the columns name,email,group,login.")],
) -> None:
    """Take the class in from a table: names into the Hub, which reads them when it starts, and into the gradebook.

    Lines that cannot be read are named, and then nothing is taken in.
    """
    from coursekit.hub.roster import import_roster
    from coursekit.hub.settings import read_settings

    settings = read_settings(find_course())
    entries = import_roster(settings, file)
    groups = len({entry.group for entry in entries if entry.group})
    typer.echo(f"{len(entries)} students" + (f" in {groups} groups" if groups else "") + ".")
    if settings.login.only_roster:
        typer.echo("The Hub lets them in when it is started again: coursekit hub down --keep-servers; coursekit hub up")


@app.command(epilog="Example:  coursekit hub backup monday.tar.gz")
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    homes: Annotated[bool, typer.Option("--homes", help="Take users' homes along.")] = False,
) -> None:
    """Write a backup: databases, gradebook, the course's folders, the exchange and the Hub's secrets.

    The Hub may run meanwhile. Keep the file as secret as the passwords that are in it.
    """
    from coursekit.hub.backup import back_up
    from coursekit.hub.settings import read_settings

    made = back_up(read_settings(find_course()), file, with_homes=homes)
    typer.echo(
        f"{made.path}: {', '.join(made.parts)}; homes of {len(made.homes)} users {'' if homes else 'not '}in it."
    )


@app.command(epilog="Example:  coursekit hub restore monday.tar.gz")
def restore(file: Annotated[Path, typer.Argument(help="A file that coursekit hub backup wrote.")]) -> None:
    """Put a backup in the place of what is there, which is kept beside it. The Hub must not run."""
    from coursekit.hub.backup import restore as put_back
    from coursekit.hub.settings import read_settings

    found = put_back(read_settings(find_course()), file)
    typer.echo(f"Restored {', '.join(found.parts)} of {found.made}, made by coursekit {found.version}.")


@app.command(epilog="Example:  coursekit hub upgrade")
def upgrade() -> None:
    """Bring the databases to what is installed: on a copy first, which takes their place. The Hub must not run."""
    from coursekit.hub.settings import read_settings
    from coursekit.hub.upgrade import upgrade as migrate

    if not migrate(read_settings(find_course()), tell=typer.echo):
        typer.echo("Everything is as this version wants it.")


@app.command(epilog="Example:  coursekit hub status --json")
def status(engine: Engine = None, as_json: Json = False) -> None:
    """Show what runs: the Hub and whether it answers, its proxy, formgrader, and the servers of its users."""
    from coursekit.hub.server import status as look
    from coursekit.hub.settings import read_settings

    rows = [asdict(part) for part in look(read_settings(find_course(), engine=engine))]
    show(rows, as_json=as_json, empty="No Hub runs. Start it with: coursekit hub up")


def login_rows(
    instructors: tuple[str, ...],
    student_password: str,
    instructor_password: str,
    *,
    names: str,
    kind: str = "shared-password",
) -> list[dict[str, str]]:
    """Say who logs in with what; ``names`` says which names students have."""
    students = {"who": "students", "name": names, "password": student_password}
    instructor = {"who": "instructor", "name": ", ".join(instructors), "password": instructor_password}
    if kind == "native":
        students = {
            "who": "students",
            "name": "sign up at /hub/signup, approved at /hub/authorize",
            "password": "their own",
        }
    elif kind != "shared-password":
        elsewhere = f"where {kind} sends them"
        return [row | {"password": elsewhere} for row in (students, instructor)]
    return [students, instructor]


def student_names(count: int, *, only_roster: bool) -> str:
    """Say under which names students log in, where the roster has so many."""
    if only_roster:
        return f"the {count} of the roster" if count else "nobody: there is no roster"
    return f"any; the roster has {count}" if count else "any; there is no roster"


def show_logins(url: str, *, logins: list[dict[str, str]], warn: bool = True) -> None:
    """Print the Hub's address, the logins and what a Hub without containers does not give."""
    typer.echo(f"\nThe Hub is at {url}\n")
    show(logins, as_json=False, title="Logins of this run")
    typer.secho(f"\n{WARNING}\n" if warn else "", fg="yellow")
