"""A table of TOML -> a dataclass: unknown keys and values of a wrong kind are refused with their place.

A table is a dataclass whose fields are its keys. What cannot be said by a type is checked in ``__post_init__``, whose
error begins with ``key = value``: that is how its line is found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final, TypeVar, get_type_hints

from coursekit.config import parse_memory
from coursekit.errors import SettingsError
from coursekit.hub.settings.lines import Keys

T = TypeVar("T")

MEMORY: Final = {"unit": "memory"}
"""Metadata of a field that is written like ``"2g"`` and held in bytes."""

_KINDS: Final = {str: "text in quotes", bool: "true or false", int: "a whole number", float: "a number"}
_FIRST_KEY: Final = re.compile(r"(\w+) = ")


class MisfitError(Exception):
    """A key or a value that cannot be, before it is known in which line it stands."""

    def __init__(self, keys: Keys, message: str, fix: str) -> None:
        super().__init__(message)
        self.keys = keys
        self.message = message
        self.fix = fix


def build(kind: type[T], table: object, keys: Keys, *, readers: Mapping[str, Callable[[Any, Keys], Any]]) -> T:
    """Make a dataclass of a table.

    Parameters
    ----------
    kind : type
        The dataclass.
    table : object
        What ``tomllib`` read.
    keys : tuple of str
        Where the table stands.
    readers : mapping of str to callable
        Read the fields that are tables themselves; called with the value and its place.

    Raises
    ------
    MisfitError
        If there is a key or a value that cannot be.
    """
    values = require_table(table, keys)
    known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    read: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise unknown_key(key, keys, sorted(known))
        place = (*keys, key)
        if key in readers:
            read[key] = readers[key](value, place)
        elif known[key].metadata == MEMORY:
            read[key] = read_memory(value, place)
        else:
            read[key] = _of_kind(hints[key], value, place)
    return refused_in(keys, lambda: kind(**read))


def refused_in(keys: Keys, make: Callable[[], T]) -> T:
    """Do what checks values, and say where the one stands that it refuses."""
    try:
        return make()
    except SettingsError as error:
        first = _FIRST_KEY.match(error.message)
        raise MisfitError((*keys, first[1]) if first else keys, error.message, error.fix) from None


def require_table(table: object, keys: Keys) -> dict[str, Any]:
    """Give a table, or refuse what is none."""
    if not isinstance(table, dict):
        name = ".".join(keys)
        raise MisfitError(keys, f"{name} = {table!r} is of the wrong kind.", f"write [{name}] above its lines")
    return table


def unknown_key(key: str, keys: Keys, known: list[str]) -> MisfitError:
    """Refuse a key that nothing reads."""
    return MisfitError((*keys, key), f"the key {key!r} means nothing here.", f"use one of {', '.join(known)}")


def read_memory(value: object, keys: Keys) -> int:
    """Read an amount of memory, bytes."""
    if not isinstance(value, str):
        raise MisfitError(keys, f"{keys[-1]} = {value!r} is of the wrong kind.", 'write it like "2g" or "512m"')
    try:
        return parse_memory(value)
    except (SettingsError, OverflowError):
        raise MisfitError(keys, f"{keys[-1]} = {value!r} is not an amount of memory.", 'write it like "2g"') from None


def read_names(value: object, keys: Keys) -> tuple[str, ...]:
    """Read a list of texts."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise MisfitError(keys, f"{keys[-1]} = {value!r} is of the wrong kind.", 'write a list: ["...", "..."]')
    return tuple(value)


def _of_kind(kind: Any, value: object, keys: Keys) -> Any:
    if kind == tuple[str, ...]:
        return read_names(value, keys)
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        wanted = _KINDS.get(kind, "another value")
        raise MisfitError(keys, f"{keys[-1]} = {value!r} is of the wrong kind.", f"write {wanted}")
    try:
        return kind(value)
    except OverflowError:
        raise MisfitError(keys, f"{keys[-1]} is too large.", "write a smaller number") from None
