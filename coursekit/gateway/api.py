"""What all handlers have in common: who asks, how often, and how errors are written."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import Any, ClassVar, Final

from tornado.web import HTTPError, RequestHandler

from coursekit.cluster.wire import error_as_json
from coursekit.errors import (
    CapacityError,
    ClusterDiffersError,
    ClusterNotFoundError,
    CoursekitError,
    EngineUnavailableError,
    GatewayError,
    GatewayUnavailableError,
    NodeNotFoundError,
    NotAllowedError,
    SettingsError,
    TooManyRequestsError,
    UnknownTokenError,
)
from coursekit.gateway.clusters import ClassClusters
from coursekit.gateway.identity import Caller, HubIdentity, RateLimit
from coursekit.gateway.requests import read_number

_STATUS: Final[dict[type[CoursekitError], HTTPStatus]] = {
    UnknownTokenError: HTTPStatus.UNAUTHORIZED,
    NotAllowedError: HTTPStatus.FORBIDDEN,
    SettingsError: HTTPStatus.BAD_REQUEST,
    ClusterNotFoundError: HTTPStatus.NOT_FOUND,
    NodeNotFoundError: HTTPStatus.NOT_FOUND,
    ClusterDiffersError: HTTPStatus.CONFLICT,
    CapacityError: HTTPStatus.CONFLICT,
    TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    EngineUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    GatewayUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    GatewayError: HTTPStatus.CONFLICT,
}


class Api(RequestHandler):
    """What all have in common: who asks, how often, and how errors are written."""

    is_public: ClassVar[bool] = False
    caller: Caller

    def initialize(
        self, clusters: ClassClusters, identity: HubIdentity, rate: RateLimit, streams: Counter[str]
    ) -> None:
        """Take what the service made."""
        self.clusters = clusters
        self._identity = identity
        self._rate = rate
        self.streams = streams

    async def prepare(self) -> None:
        """Find out who asks."""
        if self.request.method not in self._methods():
            raise HTTPError(HTTPStatus.METHOD_NOT_ALLOWED)
        if self.is_public:
            return
        self.caller = await self._identity.identify(self.request.headers.get("Authorization"))
        self._rate.take(self.caller.name)

    def set_default_headers(self) -> None:
        """Let no browser keep, guess or frame anything."""
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.clear_header("Server")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write what is wrong, and what to do, as the client's error."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        if isinstance(error, CoursekitError):
            status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), HTTPStatus.BAD_GATEWAY)
            self.set_status(status)
            document = error_as_json(error)
            if status == HTTPStatus.UNAUTHORIZED:
                self.set_header("WWW-Authenticate", "Bearer")
            if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
                self.set_header("Retry-After", "1")
        else:
            if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                self.set_header("Allow", ", ".join(self._methods()))
            message = f"{HTTPStatus(status_code).phrase.lower()}: {self.request.method} {self.request.path[:200]}"
            document = error_as_json(GatewayError(message, fix="see the interface's description: api/v1/openapi.json"))
        self.finish({"error": document})

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        """Log what is not the caller's mistake."""
        if not isinstance(value, CoursekitError):
            super().log_exception(kind, value, trace)

    @property
    def owner(self) -> str:
        """Whose clusters are asked for: the caller's own, always.

        Raises
        ------
        NotAllowedError
            If the caller is a service: it could have a user's name.
        """
        if not self.caller.is_user:
            raise NotAllowedError(
                f"{self.caller.name} is a service, and services have no clusters.", fix="use a user's token"
            )
        return self.caller.name

    def number(self, name: str, *, least: int, most: int, default: int) -> int:
        """Read a whole number from the query."""
        return read_number(self.get_query_argument(name, None), name, least=least, most=most, default=default)

    def check_query(self, *known: str) -> None:
        """Refuse what the query should not hold."""
        for name, values in self.request.query_arguments.items():
            if name not in known or len(values) > 1:
                raise SettingsError(f"the query's {name[:50]!r} is unknown, or twice there.", fix="leave it out")

    def check_json(self) -> None:
        """Refuse a body that does not say that it is JSON."""
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)

    def finish_empty(self) -> None:
        """Answer that it is done, with nothing to say."""
        self.set_status(HTTPStatus.NO_CONTENT)
        self.clear_header("Content-Type")

    def _methods(self) -> list[str]:
        mine = [name for name in self.SUPPORTED_METHODS if hasattr(type(self), name.lower())]
        return [name for name in mine if getattr(type(self), name.lower()) is not getattr(RequestHandler, name.lower())]


class Missing(Api):
    """Everything that is not there."""

    is_public = True

    async def prepare(self) -> None:
        """Say so."""
        raise HTTPError(HTTPStatus.NOT_FOUND)
