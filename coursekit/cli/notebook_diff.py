"""``coursekit notebook diff``: what a change altered in notebooks, for its reviewer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coursekit.cli.choice import Names, chosen_notebooks, short_path
from coursekit.config import find_course


def diff(
    names: Names = None,
    base: Annotated[str, typer.Option(help="The branch, or another commit, that the change goes to.")] = "main",
    to: Annotated[
        Path | None, typer.Option(help="Write the page to this file.  [default: standard output]", show_default=False)
    ] = None,
) -> None:
    """Tell, in Markdown, which cells were changed, added, removed or moved since a branch was left."""
    from coursekit.notebooks.changes import changes_page, changes_since

    only = [notebook.path for notebook in chosen_notebooks(names)] if names else None
    changes = changes_since(base, find_course().root, only)
    page = changes_page(changes, base)
    if to is None:
        typer.echo(page, nl=False)
    else:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(page, encoding="utf-8")
        typer.echo(f"{len(changes)} changed; see {short_path(to)}")
