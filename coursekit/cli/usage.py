"""``coursekit usage``: what a class used, from the gateway's database."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coursekit.cli.output import Json, show
from coursekit.errors import SettingsError

if TYPE_CHECKING:
    from coursekit.gateway.records import UsageTotal

_BACK = {"d": timedelta(days=1), "h": timedelta(hours=1)}
_SECONDS = ("core_seconds", "gpu_seconds", "memory_byte_seconds", "waiting_seconds")


class By(StrEnum):
    """What to tell apart."""

    owner = "owner"
    assignment = "assignment"
    day = "day"


def usage(
    by: Annotated[list[By] | None, typer.Option(help="Tell apart; may be given again. [default: owner]")] = None,
    since: Annotated[
        str | None, typer.Option(help="A date, a moment, or how long ago: 2026-11-01, 2026-11-01T09:00+01:00, 7d, 12h.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Until then, written the same way.")] = None,
    database: Annotated[
        str | None, typer.Option(help="A file or an address. [default: the Hub's; COURSEKIT_USAGE names another]")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, with seconds, for a spreadsheet.")] = False,
    as_json: Json = False,
) -> None:
    """Show what students used on their clusters: core-hours, GPU-hours, memory, and how long they waited for it.

    Dates and days are those of UTC. A cluster that runs now is counted until the gateway's last look at it.
    """
    from dataclasses import asdict

    from coursekit.gateway.records import KEYS, Records
    from coursekit.gateway.tables import database_url

    if as_csv and as_json:
        raise SettingsError("--csv and --json ask for two things at once.", fix="leave one of them out")
    now = datetime.now(UTC)
    chosen = {one.value for one in by or (By.owner,)}
    keys = [key for key in KEYS if key in chosen]
    began, ended = (_moment(text, now) for text in (since, until))
    records = Records(database_url(database or _place()), create=False)
    totals = records.usage(began, ended, by=keys)
    records.close()
    rows = [{key: value for key, value in asdict(total).items() if key in (*keys, *_SECONDS)} for total in totals]
    if as_csv:
        _write_csv(rows, [*keys, *_SECONDS])
    elif as_json:
        show(rows, as_json=True)
    else:
        show([_for_people(row) for row in rows], as_json=False, empty="Nothing was used.")
        if rows:
            typer.echo(_sum_up(totals))


def _place() -> str:
    from coursekit.config import find_course
    from coursekit.gateway.tables import usage_database
    from coursekit.hub.settings import read_settings

    return usage_database(read_settings(find_course()).state)


def _moment(text: str | None, now: datetime) -> float | None:
    """Read a moment, seconds since the epoch: a date, a moment, or a time until now."""
    if text is None:
        return None
    if back := re.fullmatch(r"(\d{1,5})([dh])", text):
        return (now - int(back[1]) * _BACK[back[2]]).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"{text!r} is no moment.", fix="write a date like 2026-11-01, or how long ago like 7d or 12h"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    """Hours instead of seconds, and names for what is empty."""
    from coursekit.config import GiB, format_time

    told = {key: value for key, value in row.items() if key not in _SECONDS}
    if told.get("assignment") == "":
        told["assignment"] = "(none)"
    return told | {
        "core-hours": round(row["core_seconds"] / 3600, 2),
        "GPU-hours": round(row["gpu_seconds"] / 3600, 2),
        "GiB-hours": round(row["memory_byte_seconds"] / GiB / 3600, 2),
        "waited": format_time(row["waiting_seconds"]),
    }


def _sum_up(totals: Sequence[UsageTotal]) -> str:
    from coursekit.config import format_time

    cores, gpus, waited = (sum(getattr(one, name) for one in totals) for name in (*_SECONDS[:2], _SECONDS[3]))
    return f"In all: {cores / 3600:.2f} core-hours, {gpus / 3600:.2f} GPU-hours, {format_time(waited)} of waiting."


def _write_csv(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Write rows; an assignment is a label that a student chose, and must not become a formula."""
    from coursekit.grading.exports import harmless

    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: harmless(value) if isinstance(value, str) else value for key, value in row.items()})
