"""How every command prints: a table for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str = "", empty: str = "nothing") -> None:
    """Print rows: JSON as they are, or a table whose columns are the first row's keys."""
    if as_json:
        typer.echo(json.dumps(list(rows), indent=2, default=str))
    elif not rows:
        typer.echo(empty)
    else:
        print_table(rows, title=title)


def print_table(rows: Sequence[Mapping[str, Any]], *, title: str = "") -> None:
    """Print rows as a table, numbers to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold")
    for key, value in rows[0].items():
        table.add_column(str(key), justify="right" if isinstance(value, int | float) else "left", overflow="fold")
    for row in rows:
        table.add_row(*_cells(row.values()))
    Console(markup=False).print(table)  # a name or a label may hold brackets


def _cells(values: Iterable[Any]) -> list[str]:
    return ["" if value is None else str(value) for value in values]
