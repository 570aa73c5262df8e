"""Who asks: the Hub is asked for each token, and says whose it is and what it may do."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub.services.auth import HubAuth
from tornado.web import HTTPError

from coursekit.errors import GatewayUnavailableError, NotAllowedError, TooManyRequestsError, UnknownTokenError
from coursekit.gateway.settings import CLASS_SCOPE, Limits

_BEARER: Final = re.compile(r"(?:token|bearer) +([A-Za-z0-9._~+/=-]{1,500})", re.IGNORECASE)
_KNOWN_FOR_S: Final = 60  # a token that was taken back is good for so long


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """A user of the Hub, or one of its services; ``sees_class`` is true of instructors."""

    name: str
    is_user: bool
    sees_class: bool


class HubIdentity:
    """Asks the Hub who has a token.

    Parameters
    ----------
    auth : HubAuth, optional
        JupyterHub's own; made from the environment that the Hub gives its services when not given.
    instructors : frozenset of str
        Groups whose members see the whole class.
    """

    def __init__(self, auth: HubAuth | None = None, *, instructors: frozenset[str] = frozenset()) -> None:
        self._auth = auth or HubAuth(cache_max_age=_KNOWN_FOR_S)
        self._instructors = instructors

    async def identify(self, header: str | None) -> Caller:
        """Say who sends an ``Authorization`` header. Cookies are never looked at, so no other site can borrow one.

        Raises
        ------
        UnknownTokenError
            If there is no token, or the Hub does not know it.
        NotAllowedError
            If it is not good for this service.
        GatewayUnavailableError
            If the Hub does not answer.
        """
        match = _BEARER.fullmatch(header or "")
        if match is None:
            raise UnknownTokenError(
                "the request has no token.", fix="send your Hub token: Authorization: Bearer $JUPYTERHUB_API_TOKEN"
            )
        try:
            user: dict[str, Any] | None = await self._auth.user_for_token(match[1], sync=False)
        except HTTPError as error:
            raise GatewayUnavailableError(
                f"the Hub cannot be asked whose token this is ({error.log_message or error.status_code}).",
                fix="try again in a minute; clusters go on running meanwhile",
            ) from None
        if user is None:
            raise UnknownTokenError("the Hub does not know this token.", fix="start your server again from the Hub")
        needed = self._auth.access_scopes or {"access:services"}
        if not self._auth.check_scopes(needed, user):
            raise NotAllowedError(
                f"this token of {user['name']} is not good for the gateway: it lacks {', '.join(sorted(needed))}.",
                fix="start your server again from the Hub, or ask an operator for that scope",
            )
        groups = set(user.get("groups") or ())
        is_instructor = CLASS_SCOPE in user["scopes"] or bool(groups & self._instructors)
        return Caller(name=user["name"], is_user=user.get("kind", "user") == "user", sees_class=is_instructor)


class RateLimit:
    """A bucket of requests for each user, which fills again with time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[str, tuple[float, float]] = defaultdict(lambda: (float(limits.burst), 0.0))

    def take(self, user: str, *, now: float | None = None) -> None:
        """Take one request from a user's bucket.

        Raises
        ------
        TooManyRequestsError
            If it is empty.
        """
        moment = time.monotonic() if now is None else now
        left, then = self._buckets[user]
        left = min(float(self._limits.burst), left + (moment - then) * self._limits.requests_per_s)
        if left < 1:
            raise TooManyRequestsError(
                f"{user} asks more than {self._limits.requests_per_s:g} times a second.", fix="wait a second, ask less"
            )
        self._buckets[user] = (left - 1, moment)
