"""Signing up, with an instructor's approval: NativeAuthenticator, made to work with this JupyterHub and this course."""

from __future__ import annotations

from secrets import compare_digest
from typing import Any, Final
from urllib.parse import urlsplit

from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.handlers import (
    AuthorizationAreaHandler,
    DiscardHandler,
    LoginHandler,
    ToggleAuthorizationHandler,
)
from tornado.web import HTTPError
from traitlets import Set, Unicode

from coursekit.hub.logins import APPROVE


class _NoTimer:
    """In the place of a timer of statsd, which JupyterHub 6 has no longer and NativeAuthenticator 1.3 still starts."""

    def timer(self, name: str) -> _NoTimer:
        del name
        return self

    def start(self) -> _NoTimer:
        return self

    def stop(self, *, send: bool) -> None:
        del send


class NativeLoginHandler(LoginHandler):  # type: ignore[misc]  # nativeauthenticator has no types
    """NativeAuthenticator's page, which without ``statsd`` answers 500 to every login."""

    statsd = _NoTimer()


class ApprovalHandler(AuthorizationAreaHandler):  # type: ignore[misc]
    """The list of those who signed up."""

    async def get(self) -> None:
        """Show the list."""
        _require_approver(self)
        await AuthorizationAreaHandler.get.__wrapped__(self)


class ToggleHandler(ToggleAuthorizationHandler):  # type: ignore[misc]
    """Approves somebody, or takes the approval back."""

    async def get(self, slug: str) -> None:
        """Change it, and go back to the list."""
        _require_approver(self)
        _require_click(self)
        if self.authenticator.get_user(slug) is None:
            raise HTTPError(404)
        await ToggleAuthorizationHandler.get.__wrapped__(self, slug)


class DiscardSignUpHandler(DiscardHandler):  # type: ignore[misc]
    """Forgets somebody who was not approved."""

    async def get(self, user_name: str) -> None:
        """Forget them, and go back to the list."""
        _require_approver(self)
        _require_click(self)
        await DiscardHandler.get.__wrapped__(self, user_name)


def _require_approver(handler: Any) -> None:
    if not handler.current_user or APPROVE not in handler.expanded_scopes:
        raise HTTPError(403)


def _require_click(handler: Any) -> None:
    """Take nothing but a click on the list: these pages act on GET, to which any page could send a browser."""
    came_from = urlsplit(handler.request.headers.get("Referer", ""))
    if (came_from.netloc, came_from.path) != (handler.request.host, f"{handler.hub.base_url}authorize"):
        raise HTTPError(403, "use the button on the page of those who signed up")


_OURS: Final = {
    LoginHandler: NativeLoginHandler,
    AuthorizationAreaHandler: ApprovalHandler,
    ToggleAuthorizationHandler: ToggleHandler,
    DiscardHandler: DiscardSignUpHandler,
}


class ApprovedAuthenticator(NativeAuthenticator):  # type: ignore[misc]
    """Lets in who signed up and was approved; instructors with the instructors' password.

    Their names cannot be signed up with: nobody becomes an instructor by being the first to choose the name.
    """

    instructors = Set(Unicode(), help="Names that need the instructors' password.").tag(config=True)
    instructor_password = Unicode(help="The instructors' password.").tag(config=True)

    def get_handlers(self, app: Any) -> list[tuple[str, Any]]:
        """Give the pages, with ours in the place of some of NativeAuthenticator's."""
        return [(path, _OURS.get(handler, handler)) for path, handler in super().get_handlers(app)]

    def create_user(self, username: str, password: str, **kwargs: Any) -> Any:
        """Sign somebody up, unless the name is an instructor's."""
        if self.normalize_username(username) in self.instructors:
            return None
        return super().create_user(username, password, **kwargs)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> Any:
        """Let in an instructor with the instructors' password, anybody else who is approved with their own."""
        name, password = self.normalize_username(data["username"]), data["password"]
        if name not in self.instructors:
            return await super().authenticate(handler, data)
        right = password.isascii() and self.instructor_password and compare_digest(password, self.instructor_password)
        return name if right else None
