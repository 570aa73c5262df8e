"""``coursekit doctor``: what this machine has, and what it lacks, a line each."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from coursekit.cli.output import Json
from coursekit.errors import DoctorError

if TYPE_CHECKING:
    from coursekit.diagnosis import Check

_MARKS = {"ok": ("green", "ok  "), "note": ("yellow", "note"), "fail": ("red", "FAIL")}


def doctor(as_json: Json = False) -> None:
    """Tell whether this machine can run the course: Python, Java, Docker, GPU, disk, ports, versions."""
    from coursekit.diagnosis import diagnose

    checks = diagnose()
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            _print(check)
    failed = [check for check in checks if check.state == "fail"]
    if failed:
        names = ", ".join(check.name for check in failed)
        raise DoctorError(f"{len(failed)} of {len(checks)} checks failed: {names}.", fix=failed[0].fix)


def _print(check: Check) -> None:
    colour, mark = _MARKS[check.state]
    typer.secho(mark, fg=colour, bold=True, nl=False)
    typer.echo(f"  {check.name:<10} {check.found}")
    if check.fix:
        typer.echo(f"{'':17}Fix: {check.fix}")
