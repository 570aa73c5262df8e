"""``coursekit image``: the container images of the course."""

from __future__ import annotations

import textwrap
import time
from typing import Annotated

import typer

from coursekit.cli.output import Json, show
from coursekit.config import find_course

app = typer.Typer(
    no_args_is_help=True,
    help="List, build and test the container images of the course.",
    epilog="Example:  coursekit image build",
    rich_markup_mode=None,
)

Names = Annotated[list[str] | None, typer.Argument(help="Images; all but optional ones when left out.")]


@app.command("list", epilog="Example:  coursekit image list --json")
def list_images(as_json: Json = False) -> None:
    """Show the tree of images, and which of them are built."""
    from coursekit.config import format_memory
    from coursekit.errors import EngineUnavailableError
    from coursekit.images import read_catalog, sizes

    images = read_catalog(find_course())
    try:
        found = sizes(images)
    except EngineUnavailableError:
        found = {}
    rows = [
        {
            "image": image.name,
            "built on": image.parent or "Debian",
            "size": format_memory(size) if (size := found.get(image.name)) else "not built",
            "what it is for": image.title + (" (optional: built when it is named)" if image.optional else ""),
        }
        for image in images
    ]
    show(rows, as_json=as_json)


@app.command(epilog="Example:  coursekit image build spark")
def build(names: Names = None) -> None:
    """Build images with all that they are built on; what has not changed is not built again."""
    from rich.console import Console

    from coursekit.config import format_memory
    from coursekit.images import build as build_all
    from coursekit.images import choose, read_catalog, sizes

    course = find_course()
    images = choose(read_catalog(course), names or ())
    began = time.monotonic()
    console = Console(stderr=True)
    with console.status("Building") as status:
        build_all(course, images, tell=status.update if console.is_terminal else console.print)
    for name, size in sizes(images).items():
        typer.echo(f"{name:<12} {format_memory(size or 0):>9}")
    typer.echo(f"Built in {time.monotonic() - began:.0f} s.")


@app.command("test", epilog="Example:  coursekit image test spark")
def check(names: Names = None) -> None:
    """Run the checks of images, and of all that they are built on, in a container of each."""
    from rich.console import Console

    from coursekit.errors import ImageCheckError
    from coursekit.image_checks import failure, matrix, open_box
    from coursekit.images import read_catalog

    course = find_course()
    rows: list[dict[str, object]] = []
    reasons: list[str] = []
    with Console(stderr=True).status("Testing") as status:
        for image, checks in matrix(read_catalog(course), names or ()):
            with open_box(image, course) as box:
                for check in checks:
                    status.update(f"{image.name}: {check.name}")
                    began = time.monotonic()
                    why = failure(check, box)
                    reasons += [f"{image.name}: {check.name}:\n{textwrap.indent(why, '  ')}"] if why else []
                    rows.append(
                        {
                            "image": image.name,
                            "check of": check.home,
                            "check": check.name,
                            "s": round(time.monotonic() - began, 1),
                            "holds": "no" if why else "yes",
                        }
                    )
    show(rows, as_json=False)
    if reasons:
        raise ImageCheckError(
            f"{len(reasons)} of {len(rows)} checks do not hold.\n" + "\n".join(reasons),
            fix="coursekit image build, when the images are older than the checkout; else mend their Dockerfiles",
        )
    typer.echo(f"All {len(rows)} checks hold.")


@app.command(epilog="Example:  coursekit image push --version 0.1.0")
def push(
    names: Names = None,
    version: Annotated[str | None, typer.Option(help="The tag besides latest.  [default: coursekit's]")] = None,
    as_json: Json = False,
) -> None:
    """Push images to the registry that COURSEKIT_REPOSITORY names; print the digests that it keeps them under."""
    from rich.console import Console

    from coursekit import __version__
    from coursekit.image_push import push as push_all
    from coursekit.images import find_named, read_catalog

    chosen = find_named(read_catalog(find_course()), names or ())
    with Console(stderr=True).status("Pushing") as status:
        digests = push_all(chosen, version or __version__, tell=status.update)
    show([{"image": name, "digest": digest} for name, digest in digests.items()], as_json=as_json)
