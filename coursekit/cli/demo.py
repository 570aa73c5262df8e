"""``coursekit demo``: the course from end to end, in one command."""

from __future__ import annotations

from typing import Annotated

import typer

from coursekit.cli.hub import Port, login_rows, show_logins
from coursekit.cli.rehearse import show_rehearsal
from coursekit.config import find_course


def demo(
    leave: Annotated[
        bool, typer.Option("--exit", help="End after the gradebook instead of leaving the Hub up.")
    ] = False,
    port: Port = None,
) -> None:
    """Start a fresh Hub, play a class of three bots through it, print the gradebook, and leave the Hub up.

    Ctrl-C ends it and leaves no process behind. Everything it writes is under build/, and is made anew each time.
    """
    import contextlib

    from coursekit.cli.steps import watching
    from coursekit.hub.demo import demonstration, wait_for_ever
    from coursekit.hub.settings import read_settings

    settings = read_settings(find_course(), port=port)
    with contextlib.ExitStack() as stack:
        with watching() as watch:
            hub, rehearsal = stack.enter_context(demonstration(settings, watch=watch))
        show_rehearsal(rehearsal, as_json=False)
        rehearsal.require_deserved()
        if leave:
            return
        bots = ", ".join(result.student for result in rehearsal.results)
        passwords = hub.passwords
        logins = login_rows(
            settings.instructors, passwords.students, passwords.instructors, names=f"any; the bots: {bots}"
        )
        show_logins(hub.url, logins=logins)
        typer.echo("Ctrl-C stops everything.")
        with contextlib.suppress(KeyboardInterrupt):
            wait_for_ever()
        typer.echo("Stopping the Hub and everything it started ...")
