"""The description of the gateway's interface, as an OpenAPI 3.1 document."""

from __future__ import annotations

from typing import Any, Final

from coursekit import __version__
from coursekit.cluster.spec import MIN_MEMORY
from coursekit.gateway.events import KINDS
from coursekit.gateway.requests import (
    ASSIGNMENT_PATTERN,
    FAULTS,
    LOG_LINES,
    MOST_CORES,
    MOST_GPUS,
    MOST_MEMORY,
    NAME_PATTERN,
    USER_PATTERN,
    WAIT_S,
)
from coursekit.gateway.settings import GatewaySettings

Schema = dict[str, Any]
_INTEGER: Final[Schema] = {"type": "integer"}
_NUMBER: Final[Schema] = {"type": "number"}
_TEXT: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = {"type": "boolean"}
_ERRORS: Final = {
    400: "A value cannot be.",
    401: "No token, or one that the Hub does not know.",
    403: "The token is not good for this.",
    404: "There is no such cluster.",
    409: "Another cluster of that name, one cluster too many, or more than can ever be had.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "Too many requests.",
    502: "The engine could not do it.",
    503: "The Hub or the engine does not answer.",
}
_ALWAYS: Final = (400, 401, 403, 404, 429, 502, 503)


def describe(settings: GatewaySettings, *, server: str) -> dict[str, Any]:
    """Give the document.

    Parameters
    ----------
    settings : GatewaySettings
        The limits, which are part of it.
    server : str
        The address that the paths are relative to.
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": "coursekit gateway", "version": __version__, "description": __doc__.strip()},
        "servers": [{"url": server}],
        "security": [{"hub": []}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(settings),
            "securitySchemes": {
                "hub": {"type": "http", "scheme": "bearer", "description": "The user's token of the Hub."}
            },
        },
    }


def _paths() -> Schema:
    name: Schema = {"name": "name", "in": "path", "required": True, "schema": {"$ref": "#/components/schemas/Name"}}
    cluster = {200: _json("Cluster")}
    owner = _path("owner", {"type": "string", "pattern": f"^{USER_PATTERN}$", "examples": ["ada"]})
    return {
        "/clusters": {"get": _operation("Your clusters as they run.", {200: _json("Clusters")})},
        "/clusters/{name}": {
            "parameters": [name],
            "get": _operation(
                "What is wanted of a cluster, and how far that is.",
                cluster,
                parameters=[
                    _query("revision", {"type": "integer", "minimum": 0, "maximum": 10**16 - 1}),
                    _query("wait_s", {"type": "integer", "minimum": 0, "maximum": WAIT_S}),
                ],
            ),
            "put": _operation("Want a cluster to be so.", {202: _json("Cluster")}, 409, 413, 415, body="Wanted"),
            "delete": _operation("Stop a cluster.", {204: {"description": "It is gone."}}),
        },
        "/clusters/{name}/status": {
            "parameters": [name],
            "get": _operation("How a cluster runs.", {200: _json("Status")}),
        },
        "/clusters/{name}/access": {
            "parameters": [name],
            "get": _operation("What a driver needs.", {200: _json("Access")}, 409),
        },
        "/clusters/{name}/logs": {
            "parameters": [name],
            "get": _operation(
                "The last lines of every node.",
                {200: _json("Logs")},
                parameters=[_query("lines", {"type": "integer", "minimum": 1, "maximum": LOG_LINES})],
            ),
        },
        "/clusters/{name}/touch": {
            "parameters": [name],
            "post": _operation("Say that it is being used.", {204: {"description": "Noted."}}),
        },
        "/clusters/{name}/workers/{number}/faults": {
            "parameters": [name, _path("number", {"type": "integer", "minimum": 0, "maximum": 9999})],
            "post": _operation("Let something go wrong.", {204: {"description": "Done."}}, 413, 415, body="Fault"),
        },
        "/quota": {"get": _operation("What you may have.", {200: _json("Quota")})},
        "/usage": {"get": _operation("What you use now.", {200: _json("Usage")})},
        "/capacity": {"get": _operation("What the class has.", {200: _json("Capacity")})},
        "/quota/{owner}": {
            "parameters": [owner],
            "get": _operation("What a user may have, for instructors.", {200: _json("UserQuota")}),
            "put": _operation(
                "Let a user have other amounts.", {200: _json("UserQuota")}, 409, 413, 415, body="NewQuota"
            ),
            "delete": _operation("Let the course's own quota hold again.", {204: {"description": "It does."}}),
        },
        "/class": {"get": _operation("Everybody's clusters, for instructors.", {200: _json("Class")})},
        "/class/{owner}/{name}": {
            "parameters": [owner, name],
            "delete": _operation("Stop anybody's cluster, for instructors.", {204: {"description": "It is gone."}}),
        },
        "/events": {
            "get": _operation(
                "What is decided about your clusters, as it happens: each event's data is an Event.",
                {200: {"description": "A stream.", "content": {"text/event-stream": {"schema": _TEXT}}}},
                parameters=[{"name": "Last-Event-ID", "in": "header", "schema": _TEXT}],
            )
        },
        "/openapi.json": {
            "get": {
                "summary": "This document.",
                "security": [],
                "responses": {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {}}}},
            }
        },
    }


def _schemas(settings: GatewaySettings) -> Schema:
    limits = settings.limits
    memory = {"type": "integer", "minimum": MIN_MEMORY, "maximum": limits.memory, "description": "Bytes."}
    shape = {"workers": _INTEGER, "cores": _INTEGER, "memory": _INTEGER, "image": _TEXT, "gpus": _INTEGER}
    resources = _object(cores=_NUMBER, memory=_INTEGER, gpus=_INTEGER)
    queue = {"anyOf": [{"type": "null"}, _object(position=_INTEGER, missing=_INTEGER, reason=_TEXT)]}
    error = _object(code=_TEXT, exit_code=_INTEGER, message=_TEXT, fix=_TEXT)
    worker = _object(
        name=_TEXT,
        state={"enum": ["starting", "running", "died"]},
        cores=_INTEGER,
        memory=_INTEGER,
        uptime_s=_NUMBER,
        exit_code={"type": ["integer", "null"]},
        host=_TEXT,
        reason=_TEXT,
    )
    names = {"type": "array", "items": _TEXT}
    cluster = {
        "name": _TEXT,
        **shape,
        "running": _INTEGER,
        "granted": _INTEGER,
        "settled": _FLAG,
        "revision": _INTEGER,
        "queue": queue,
        "change": _object(
            started=names, stopped=names, replaced={"type": "array", "items": worker}, master_replaced=_FLAG
        ),
        "error": {"anyOf": [{"type": "null"}, error]},
    }
    seen = {"owner": _TEXT, "since": _NUMBER, "died": _INTEGER, "unused_s": _NUMBER}
    status = _object(
        name=_TEXT,
        owner=_TEXT,
        state={"enum": ["queued", "starting", "running", "degraded", "dead"]},
        master_url=_TEXT,
        ui_url=_TEXT,
        registered=_INTEGER,
        applications=_INTEGER,
        workers={"type": "array", "items": worker},
        granted={"type": ["integer", "null"]},
        queue=queue,
    )
    runtime = _object(
        java=_TEXT, spark_home=_TEXT, python=_TEXT, python_version=_TEXT, archive={"type": ["string", "null"]}
    )
    quota = {"guarantee": resources, "cap": resources, "weight": _NUMBER}
    amounts = {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "cores": {"type": "number", "minimum": 0, "maximum": MOST_CORES},
            "memory": {"type": "integer", "minimum": 0, "maximum": MOST_MEMORY, "description": "Bytes."},
            "gpus": {"type": "integer", "minimum": 0, "maximum": MOST_GPUS},
        },
    }
    return {
        "Name": {"type": "string", "pattern": f"^{NAME_PATTERN}$", "maxLength": 30, "examples": ["default"]},
        "Wanted": {
            "type": "object",
            "additionalProperties": False,
            "required": ["workers"],
            "properties": {
                "workers": {"type": "integer", "minimum": 1, "maximum": limits.workers},
                "cores": {"type": "integer", "minimum": 1, "maximum": limits.cores, "default": 1},
                "memory": memory,
                "gpus": {"type": "integer", "minimum": 0, "maximum": limits.gpus, "default": 0},
                "image": {"enum": list(settings.images)},
                "assignment": {"type": "string", "pattern": f"^{ASSIGNMENT_PATTERN}$", "maxLength": 64},
            },
        },
        "Fault": _object(action={"enum": list(FAULTS)}),
        "Cluster": _object(**cluster),
        "Clusters": _object(clusters={"type": "array", "items": status}),
        "Status": status,
        "Access": _object(master_url=_TEXT, driver_host=_TEXT, secret=_TEXT, runtime=runtime),
        "Logs": _object(logs={"type": "object", "additionalProperties": _TEXT}),
        "Quota": _object(
            guarantee=resources,
            cap=resources,
            weight=_NUMBER,
            idle_s=_NUMBER,
            images=names,
            limits=_object(workers=_INTEGER, cores=_INTEGER, memory=_INTEGER, gpus=_INTEGER, clusters=_INTEGER),
        ),
        "UserQuota": _object(user=_TEXT, **quota, course=_object(**quota), given_by={"type": ["string", "null"]}),
        "NewQuota": {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {
                "guarantee": amounts,
                "cap": amounts,
                "weight": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
            },
        },
        "Usage": _object(cores=_NUMBER, memory=_INTEGER, gpus=_INTEGER, workers=_INTEGER, clusters=_INTEGER),
        "Capacity": _object(total=resources, used=resources, free=resources, waiting=_INTEGER),
        "Class": _object(clusters={"type": "array", "items": _object(**seen, **cluster)}, servers=names),
        "Event": _object(number=_INTEGER, kind={"enum": list(KINDS)}, cluster=_TEXT, message=_TEXT, at=_NUMBER),
        "Error": _object(error=error),
    }


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _operation(
    summary: str, good: dict[int, Schema], *bad: int, parameters: list[Schema] | None = None, body: str = ""
) -> Schema:
    errors = {str(code): {"description": _ERRORS[code], **_content("Error")} for code in sorted({*_ALWAYS, *bad})}
    found: Schema = {"summary": summary, "responses": {**{str(code): one for code, one in good.items()}, **errors}}
    if parameters:
        found["parameters"] = parameters
    if body:
        found["requestBody"] = {"required": True, **_content(body)}
    return found


def _json(schema: str) -> Schema:
    return {"description": f"A {schema}.", **_content(schema)}


def _content(schema: str) -> Schema:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _query(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}
