"""What all addresses of the page have in common: who looks, what they may, and how a page is written.

Who looks is known from the Hub's login (OAuth); changes need the page's own token (XSRF), as JupyterHub makes it.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from jupyterhub.services.auth import HubOAuth, HubOAuthenticated
from tornado.web import HTTPError, RequestHandler

from coursekit.errors import CoursekitError, NotAllowedError
from coursekit.gateway.settings import CLASS_SCOPE
from coursekit.hub.page.actions import Said
from coursekit.hub.page.gateway import Gateway
from coursekit.hub.page.message import read_message
from coursekit.hub.page.render import drawing, render
from coursekit.hub.page.settings import PageSettings

_SAID: Final = "course-said"
_SAID_LONGEST: Final = 700
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """Who looks at the page."""

    name: str
    is_instructor: bool


class Page(HubOAuthenticated, RequestHandler):  # type: ignore[misc]  # jupyterhub has no types
    """What all addresses have in common."""

    visitor: Visitor

    def initialize(self, settings: PageSettings, auth: HubOAuth) -> None:
        """Take what the service made."""
        self.page = settings
        self.hub_auth = auth

    async def prepare(self) -> None:
        """Ask the Hub who it is, without keeping others waiting; `get_current_user` finds the answer."""
        await self.hub_auth.get_user(self, sync=False)
        found = self.current_user
        if not found:
            return
        if found.get("kind", "user") != "user":
            raise HTTPError(HTTPStatus.FORBIDDEN)
        self.visitor = Visitor(name=found["name"], is_instructor=self._teaches(found))

    def _teaches(self, found: dict[str, Any]) -> bool:
        groups = set(found.get("groups") or ())
        in_group = bool(self.page.graders) and self.page.graders in groups
        return in_group or found["name"] in self.page.instructors or CLASS_SCOPE in found.get("scopes", ())

    @property
    def gateway(self) -> Gateway | None:
        """The gateway, as the visitor may use it."""
        if not self.page.gateway_url:
            return None
        return Gateway(self.page.gateway_url, self.hub_auth.get_token(self))

    def set_default_headers(self) -> None:
        """Let no browser keep, guess or frame anything, and run nothing but the page's own script."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Content-Security-Policy", _POLICY)
        self.clear_header("Server")

    def show(self, template: str, **values: Any) -> None:
        """Write a whole page."""
        self.finish(
            render(
                template,
                page=self.page,
                visitor=getattr(self, "visitor", None),
                message=read_message(self.page.message_file),
                said=self._take_said(),
                xsrf=self.xsrf_token.decode(),
                drawing=drawing,
                **values,
            )
        )

    def say(self, said: Said) -> None:
        """Have the next page tell something."""
        text = json.dumps({"kind": said.kind, "text": said.text[:_SAID_LONGEST]})
        self.set_signed_cookie(_SAID, text, expires_days=None, path=self.page.prefix, httponly=True, samesite="Lax")

    def _take_said(self) -> Said | None:
        text = self.get_signed_cookie(_SAID, max_age_days=1)
        if text is None:
            return None
        self.clear_cookie(_SAID, path=self.page.prefix)
        with contextlib.suppress(ValueError, TypeError):
            return Said(**json.loads(text))
        return None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong in words."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        what = str(error) if isinstance(error, CoursekitError) else HTTPStatus(status_code).phrase
        if isinstance(error, NotAllowedError):
            self.set_status(HTTPStatus.FORBIDDEN)
        self.finish(render("error.html", page=self.page, what=what, code=self.get_status()))

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        """Log what is not the visitor's mistake."""
        if not isinstance(value, CoursekitError):
            super().log_exception(kind, value, trace)


def require_instructor(visitor: Visitor) -> None:
    """Refuse everybody else.

    Raises
    ------
    NotAllowedError
        If the visitor is no instructor.
    """
    if not visitor.is_instructor:
        raise NotAllowedError(f"{visitor.name} is no instructor.", fix="look at your own page")
