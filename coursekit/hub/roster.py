"""The class, as a table of comma-separated values: ``name,email,group,login``; only the name is needed.

``login`` is what a provider calls somebody (on GitHub, for instance), where it is neither the name nor the e-mail.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coursekit.errors import HubError, SettingsError
from coursekit.grading import add_students
from coursekit.hub.settings import HubSettings
from coursekit.hub.settings.hub import USER_NAME

_COLUMNS: Final = ("name", "email", "group", "login")
_UNIQUE: Final = ("name", "email", "login")
_NAME: Final = re.compile(USER_NAME)
_EMAIL: Final = re.compile(r"[^@\s,]+@[^@\s,]+")
_SHOWN: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One student."""

    name: str
    email: str = ""
    group: str = ""
    login: str = ""


def parse_roster(text: str) -> tuple[Entry, ...]:
    """Read a class.

    Parameters
    ----------
    text : str
        Comma-separated values, or semicolons as spreadsheets write them; the first line names the columns.

    Raises
    ------
    SettingsError
        If a line cannot be read; all such lines are named.
    """
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if ";" in first and "," not in first else ",", strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        rows.extend((reader.line_num, [cell.strip() for cell in row]) for row in reader)
    except csv.Error as error:
        raise SettingsError(f"line {reader.line_num}: {error}.", fix="mend that line; nothing was taken in") from None
    rows = [(number, row) for number, row in rows if any(row)]
    header = [cell.lower() for cell in rows[0][1]] if rows else []
    if "name" not in header:
        raise SettingsError(
            f"the first line has the columns {', '.join(header) or 'nothing'}, and no name.",
            fix=f"let it be {','.join(_COLUMNS)}",
        )
    entries, wrong = [], []
    seen: dict[str, dict[str, int]] = {column: {} for column in _UNIQUE}
    for number, row in rows[1:]:
        values = {key: cell for key, cell in zip(header, row, strict=False) if key in _COLUMNS}
        values |= {key: values[key].lower() for key in _UNIQUE if key in values}
        troubles = [*_troubles(header, row, values), *_repeated(seen, values, number)]
        wrong += [f"line {number}: {trouble}" for trouble in troubles]
        if not troubles:
            entries.append(Entry(**values))
    if wrong:
        more = [f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        raise SettingsError("\n  ".join([*wrong[:_SHOWN], *more]), fix="mend these lines; nothing was taken in")
    return tuple(entries)


def read_roster(settings: HubSettings) -> tuple[Entry, ...]:
    """Read the class that the Hub knows; empty where there is no roster.

    Raises
    ------
    SettingsError
        If the settings name one that is not there, or it cannot be read.
    """
    path = settings.roster_file
    if not path.is_file() and not settings.roster:
        return ()
    return _parse_file(path)


def roster_names(path: Path) -> frozenset[str]:
    """Name those of a roster; nobody where there is none that can be read."""
    try:
        return frozenset(entry.name for entry in _parse_file(path))
    except SettingsError:
        return frozenset()


def require_no_class(settings: HubSettings) -> None:
    """Refuse what would put bots among students, or remove what students did.

    Raises
    ------
    HubError
        If the Hub has a roster.
    """
    if entries := read_roster(settings):
        raise HubError(
            f"this Hub has a class of {len(entries)}, in whose homes and gradebook bots would leave their work.",
            fix="take a checkout of its own for it: docs/operating.md, The evening before",
        )


def import_roster(settings: HubSettings, path: Path) -> tuple[Entry, ...]:
    """Take a class in, whole or not at all: into the Hub, which reads it when it starts, and into the gradebook.

    Raises
    ------
    SettingsError
        If the file is not there, or a line of it cannot be read.
    """
    entries = _parse_file(path)
    emails = {entry.name: entry.email for entry in entries}
    add_students(settings.grading, emails, emails=emails)
    target = settings.roster_file
    if target.resolve() != path.resolve():
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f"{target.name}.new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            writer.writerows([getattr(entry, column) for column in _COLUMNS] for entry in entries)
        draft.replace(target)
    return entries


def _parse_file(path: Path) -> tuple[Entry, ...]:
    try:
        return parse_roster(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"the roster {path} cannot be read: {said}.", fix="give a text file, as UTF-8") from None
    except SettingsError as error:
        raise SettingsError(f"{path}:\n  {error.message}", fix=error.fix) from None


def _troubles(header: list[str], row: list[str], values: dict[str, str]) -> Iterator[str]:
    if len(row) > len(header):
        yield f"it has {len(row)} values for {len(header)} columns"
    name, email = values.get("name", ""), values.get("email", "")
    if not _NAME.fullmatch(name):
        yield f"{name!r} cannot be a name: a letter, then small letters, digits and hyphens, up to 30"
    if email and not _EMAIL.fullmatch(email):
        yield f"{email!r} is not an e-mail address"


def _repeated(seen: dict[str, dict[str, int]], values: dict[str, str], number: int) -> Iterator[str]:
    for column, lines in seen.items():
        value = values.get(column, "")
        if value and lines.setdefault(value, number) != number:
            yield f"the {column} {value!r} is that of line {lines[value]}"
