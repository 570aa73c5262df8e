"""``coursekit notebook site``: the source of the web site."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coursekit.cli.choice import count, short_path
from coursekit.config import find_course


def site(
    hub: Annotated[str | None, typer.Option(help="The class's Hub, in which lessons open.")] = None,
    repository: Annotated[
        str | None, typer.Option(help="The course's repository, which nbgitpuller fetches lessons from in the Hub.")
    ] = None,
    branch: Annotated[str, typer.Option(help="The repository's branch.")] = "main",
    executed: Annotated[
        Path | None, typer.Option(help="Where `run` left its results.  [default: build/notebooks]", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to make.  [default: build/site/source]", show_default=False)
    ] = None,
) -> None:
    """Make the source of the web site from documents and executed lessons; `make site` makes pages of it."""
    from coursekit.notebooks.site import SiteSettings, prepare_site

    course = find_course()
    folder = executed or course.build / "notebooks"
    settings = SiteSettings(executed=folder, hub=hub, repository=repository, branch=branch)
    source = out or course.build / "site" / "source"
    lessons = prepare_site(course, settings, source)
    shown = sum(lesson.state == "executed" for lesson in lessons)
    typer.echo(f"{count(len(lessons), 'lesson')} in {short_path(source)}, {shown} with results")
    for lesson in lessons:
        if lesson.state != "executed":
            why = "changed since it was executed" if lesson.state == "changed" else "not executed"
            typer.echo(f"  {lesson.notebook.name}: {why}; `coursekit notebook run {lesson.notebook.number:02}` does it")
