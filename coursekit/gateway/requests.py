"""Reads what a student may ask for, and refuses everything else: no owner, no command, no mount, no label."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Final

from coursekit.cluster.spec import MIN_MEMORY, ClusterSpec
from coursekit.config import GiB, format_memory
from coursekit.errors import GatewayError, SettingsError
from coursekit.gateway.quotas import Quota, Resources
from coursekit.gateway.settings import GatewaySettings

NAME_PATTERN: Final = r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?"
WAIT_S: Final = 25
LOG_LINES: Final = 1000
FAULTS: Final = ("kill", "freeze", "thaw")
USER_PATTERN: Final = r"[^/]{1,255}"
MOST_CORES: Final = 100_000
MOST_MEMORY: Final = 2**50
MOST_GPUS: Final = 10_000
ASSIGNMENT_PATTERN: Final = r"[A-Za-z0-9._-]{0,64}"
_KEYS: Final = ("workers", "cores", "memory", "gpus", "image", "assignment")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a student asks for: a cluster, and for which assignment."""

    spec: ClusterSpec
    assignment: str = ""


def read_cluster(name: str, body: bytes, settings: GatewaySettings) -> Request:
    """Read the body of a PUT.

    Parameters
    ----------
    name : str
        The cluster's name, from the path.
    body : bytes
        JSON: ``{"workers": 2, "cores": 1, "memory": 2147483648, "image": "coursekit/spark:latest"}``, of which only
        ``workers`` has to be there.
    settings : GatewaySettings
        Limits, and the images that may be named.

    Raises
    ------
    SettingsError
        If it is not such a document, or a value is out of its limits.
    """
    given = _read_object(body)
    for key in given:
        if key not in _KEYS:
            raise SettingsError(f"{key[:50]!r} is nothing a cluster has.", fix=f"give only {', '.join(_KEYS)}")
    limits = settings.limits
    image = given.get("image", "")
    if "image" in given and image not in settings.images:
        raise SettingsError(
            f"image = {str(image)[:100]!r} is not one of the course.", fix=f"use one of {', '.join(settings.images)}"
        )
    assignment = given.get("assignment", "")
    if not isinstance(assignment, str) or not re.fullmatch(ASSIGNMENT_PATTERN, assignment):
        raise SettingsError(
            f"assignment = {str(assignment)[:100]!r} is no assignment's name.",
            fix="use letters, digits, dots, hyphens and underscores, at most 64, or leave it out",
        )
    spec = ClusterSpec(
        name=name,
        workers=_whole(given, "workers", least=1, most=limits.workers),
        cores=_whole(given, "cores", least=1, most=limits.cores, default=1),
        memory=_whole(given, "memory", least=MIN_MEMORY, most=limits.memory, default=min(2 * GiB, limits.memory)),
        image="" if image == settings.images[0] else image,
        gpus=_whole(given, "gpus", least=0, most=limits.gpus, default=0),
    )
    return Request(spec=spec, assignment=assignment)


def read_fault(body: bytes) -> str:
    """Read what should go wrong with a worker: ``{"action": "kill"}``.

    Raises
    ------
    SettingsError
        If it is something else.
    """
    given = _read_object(body)
    action = given.get("action")
    if set(given) != {"action"} or action not in FAULTS:
        raise SettingsError(
            f"{json.dumps(given)[:80]} is nothing that can go wrong.",
            fix=f'send {{"action": "kill"}}, or one of {FAULTS}',
        )
    return str(action)


def read_quota(body: bytes, course: Quota) -> Quota:
    """Read the body of ``PUT /quota/{user}``.

    Parameters
    ----------
    body : bytes
        JSON: ``{"cap": {"cores": 12, "memory": 25769803776}}``, likewise ``guarantee``, and ``weight``.
    course : Quota
        The user's quota by the course's settings: what is not in the body stays as it is there.

    Raises
    ------
    SettingsError
        If it is not such a document, or a value is out of its limits.
    GatewayError
        If the guarantee would be above the cap.
    """
    given = _read_object(body)
    known = ("guarantee", "cap", "weight")
    for key in given:
        if key not in known:
            raise SettingsError(f"{key[:50]!r} is nothing a quota has.", fix=f"give only {', '.join(known)}")
    if not given:
        raise SettingsError("the body names nothing.", fix='give {"cap": {"cores": 12}}, or DELETE the quota')
    weight = given.get("weight", course.weight)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 1000:
        raise SettingsError(f"weight = {json.dumps(weight)[:50]} cannot be.", fix="give a number above 0, to 1000")
    guarantee, cap = (_resources(given, kind, getattr(course, kind)) for kind in ("guarantee", "cap"))
    if not guarantee.fits_in(cap):
        raise GatewayError(
            f"the guarantee would be {guarantee}, but the cap {cap}: nobody is guaranteed more than they may have.",
            fix="give both, the cap not below the guarantee",
        )
    return Quota(guarantee=guarantee, cap=cap, weight=float(weight))


def _resources(given: dict[str, Any], kind: str, course: Resources) -> Resources:
    if kind not in given:
        return course
    amounts = given[kind]
    if not isinstance(amounts, dict) or not amounts or not set(amounts) <= {"cores", "memory", "gpus"}:
        raise SettingsError(
            f"{kind} = {json.dumps(amounts)[:80]} is no amount.",
            fix='give some of {"cores": 8, "memory": 0}',
        )
    chosen: dict[str, Any] = {}
    if "cores" in amounts:
        cores = chosen["cores"] = amounts["cores"]
        if isinstance(cores, bool) or not isinstance(cores, int | float) or not 0 <= cores <= MOST_CORES:
            raise SettingsError(f"{kind}.cores = {json.dumps(cores)[:50]} cannot be.", fix=f"give 0 to {MOST_CORES}")
    for key, most in (("memory", MOST_MEMORY), ("gpus", MOST_GPUS)):
        if key in amounts:
            chosen[key] = _whole(amounts, key, least=0, most=most)
    return replace(course, **chosen)


def read_number(text: str | None, name: str, *, least: int, most: int, default: int) -> int:
    """Read a whole number from a query.

    Raises
    ------
    SettingsError
        If it is none, or out of its limits.
    """
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise SettingsError(
            f"{name} = {text[:50]!r} is not a number of {least} ... {most}.",
            fix=f"give {name}={default} or leave it out",
        )
    return int(text)


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_without_doubles, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SettingsError(
            f"the body is not JSON: {str(error)[:200] or 'nested too deeply'}.",
            fix='send an object like {"workers": 2}',
        ) from None
    if not isinstance(document, dict):
        raise SettingsError("the body is JSON, but no object.", fix='send an object like {"workers": 2}')
    return document


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that is there twice: readers differ in which of the two they believe."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _whole(given: dict[str, Any], key: str, *, least: int, most: int, default: int | None = None) -> int:
    value = given.get(key, default)
    is_whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if value is None or not is_whole or not least <= value <= most:
        written = (format_memory(least), format_memory(most)) if key == "memory" else (str(least), str(most))
        what = "is missing" if key not in given else f"= {json.dumps(value)[:50]} cannot be"
        raise SettingsError(f"{key} {what}.", fix=f"give a whole number, {written[0]} to {written[1]}")
    return int(value)
