"""``coursekit dataset``: list, get, verify."""

from __future__ import annotations

from typing import Annotated

import typer

from coursekit.cli.output import Json, show

app = typer.Typer(
    no_args_is_help=True,
    help="The course's data sets: generated here or fetched, kept in a cache.",
    epilog="Example:  coursekit dataset get higgs --rows 100000",
    rich_markup_mode=None,
)


@app.command("list", epilog="Example:  coursekit dataset list --json")
def list_datasets(as_json: Json = False) -> None:
    """List the data sets, and how much the cache holds."""
    from coursekit.config import format_memory
    from coursekit.datasets import cached_files, read_catalog

    rows = []
    for entry in read_catalog():
        files = cached_files(entry.name)
        size = sum(file.size for file in files)
        row = {"name": entry.name, "title": entry.title, "rows": entry.rows, "licence": entry.licence}
        if as_json:
            public = entry.public.page if entry.public else None
            row |= {"formats": entry.formats, "public": public, "citation": entry.citation, "files": len(files)}
        rows.append(row | {"cached": size if as_json else format_memory(size)})
    show(rows, as_json=as_json, title="Data sets (rows: as many as are made when you do not say)")


@app.command(epilog="Example:  coursekit dataset get higgs --rows 1000000 --format parquet")
def get(
    name: Annotated[str, typer.Argument(help="Which data set; see: coursekit dataset list.")],
    rows: Annotated[int | None, typer.Option(help="How many rows; as many as is usual when not given.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of a generated set.")] = 0,
    file_format: Annotated[str | None, typer.Option("--format", help="parquet, csv or text; see the list.")] = None,
    source: Annotated[str, typer.Option(help="generated, or public (fetches the original).")] = "generated",
    path: Annotated[str | None, typer.Option(help="A copy of the public file that is here already.")] = None,
) -> None:
    """Make or fetch a data set and print the path of its file."""
    from coursekit.datasets import dataset

    # What is no source at all is refused by the call, with the words that are.
    typer.echo(dataset(name, rows=rows, seed=seed, format=file_format, source=source, path=path))  # type: ignore[arg-type]


@app.command(epilog="Example:  coursekit dataset verify higgs")
def verify(
    name: Annotated[str | None, typer.Argument(help="One data set; all when not given.")] = None,
    as_json: Json = False,
) -> None:
    """Check the cached files against their checksums."""
    from coursekit.config import format_memory
    from coursekit.datasets import verify as verify_files
    from coursekit.errors import CorruptDatasetError

    files = verify_files(name)
    rows = [
        {
            "name": file.dataset,
            "state": file.state,
            "size": file.size if as_json else format_memory(file.size),
            "file": str(file.path),
        }
        for file in files
    ]
    show(rows, as_json=as_json, title="Files in the cache", empty="The cache holds no data sets.")
    bad = [str(file.path) for file in files if file.state != "ok"]
    if bad:
        raise CorruptDatasetError(
            f"{len(bad)} of {len(files)} files are not as they were written: {', '.join(bad)}.",
            fix="delete them; they are made again when they are next asked for",
        )
