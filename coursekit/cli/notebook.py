"""``coursekit notebook``: list, check, tidy, run and compare the course's notebooks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import typer

from coursekit.cli.choice import Names, chosen_notebooks, count, short_path
from coursekit.cli.notebook_diff import diff
from coursekit.cli.notebook_run import run
from coursekit.cli.notebook_site import site
from coursekit.cli.output import Json, show
from coursekit.config import find_course
from coursekit.errors import NotebookNotCleanError, SettingsError

if TYPE_CHECKING:
    from coursekit.notebooks.catalog import Notebook
app = typer.Typer(
    no_args_is_help=True,
    help="Lessons and assignments: list them, keep them clean, execute them.",
    epilog="Example:  coursekit notebook run --all",
    rich_markup_mode=None,
)


@app.command("list", epilog="Example:  coursekit notebook list --json")
def list_(as_json: Json = False) -> None:
    """List lessons and assignments with what they need; minutes are those of a small run on two cores."""
    from coursekit.notebooks.catalog import list_notebooks

    rows = [_row(notebook, full=as_json) for notebook in list_notebooks(find_course())]
    show(rows, as_json=as_json, empty="The course has no notebooks yet.")


@app.command(epilog="Example:  coursekit notebook check 01 assignments/a1/a1.ipynb")
def check(names: Names = None, as_json: Json = False) -> None:
    """Tell what keeps notebooks from being committed: outputs, random cell ids, surplus metadata, broken links."""
    from coursekit.notebooks.check import check_notebook

    notebooks = chosen_notebooks(names)
    faults = [fault for notebook in notebooks for fault in check_notebook(notebook)]
    if as_json:
        keys = ("cell", "message", "fix", "is_mendable")
        rows = [{"path": str(fault.path), **{key: getattr(fault, key) for key in keys}} for fault in faults]
        show(rows, as_json=True)
    else:
        for path, number in Counter(fault.path for fault in faults).items():
            typer.secho(f"{short_path(path)}: {count(number, 'fault')}", bold=True)
            for fault in faults:
                if fault.path == path:
                    where = f"cell {fault.cell}: " if fault.cell else ""
                    typer.echo(f"  {where}{fault.message}" + (" (tidy mends it)" if fault.is_mendable else ""))
                    if not fault.is_mendable:
                        typer.echo(f"    Fix: {fault.fix}")
    if faults:
        bad, by_hand = len({fault.path for fault in faults}), sum(not fault.is_mendable for fault in faults)
        steps = ["run `coursekit notebook tidy`"] * (by_hand < len(faults)) + [f"mend {by_hand} by hand"] * (
            by_hand > 0
        )
        raise NotebookNotCleanError(
            f"{count(len(faults), 'fault')} in {bad} of {count(len(notebooks), 'notebook')}.",
            fix=", then ".join(steps),
        )
    if not as_json:
        typer.echo(f"{count(len(notebooks), 'notebook')} checked, nothing is off.")


@app.command(epilog="Example:  coursekit notebook tidy 01")
def tidy(names: Names = None) -> None:
    """Strip outputs and surplus metadata, give cells readable ids; code and text stay as they are."""
    from coursekit.notebooks.check import check_notebook
    from coursekit.notebooks.tidy import tidy_notebook

    notebooks = chosen_notebooks(names)
    for notebook in notebooks:
        if tidy_notebook(notebook):
            typer.echo(f"tidied {short_path(notebook.path)}")
    left = [fault for notebook in notebooks for fault in check_notebook(notebook)]
    if left:
        typer.echo(f"{count(len(left), 'fault')} left for a person: `coursekit notebook check` tells more.")


app.command(epilog="Example:  coursekit notebook run 01 a1 --jobs 2")(run)
app.command(epilog="Example:  coursekit notebook diff --base main --to build/changes.md")(diff)
app.command(epilog="Example:  coursekit notebook site --hub https://hub.example.org")(site)


def _row(notebook: Notebook, *, full: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": notebook.kind, "name": notebook.name}
    try:
        contract = notebook.contract()
    except SettingsError as error:
        return {**row, "title": f"({error.message})", "runtime": "", "workers": "", "minutes": ""}
    row |= {
        "title": contract.title,
        "runtime": contract.runtime,
        "workers": contract.workers,
        "minutes": contract.minutes_at("small"),
    }
    if full:
        row |= {
            "path": str(notebook.path),
            "cores": contract.cores,
            "memory": contract.memory,
            "notebook_memory": contract.notebook_memory,
            "gpus": contract.gpus,
            "sizes": {size: dict(parameters) for size, parameters in contract.sizes.items()},
        }
    return row
