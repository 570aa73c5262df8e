"""The page's addresses."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler
from tornado.web import HTTPError, RequestHandler, StaticFileHandler, authenticated

from coursekit.hub.page.action_handlers import Extension, MessageOfTheDay, Quota, StopCluster
from coursekit.hub.page.base import Page, require_instructor
from coursekit.hub.page.feedback import released_feedback
from coursekit.hub.page.render import drawing, render
from coursekit.hub.page.settings import PageSettings
from coursekit.hub.page.views import ClassView, StudentView, view_of_class, view_of_student

STATIC: Final = Path(__file__).parent / "static"
# Feedback shows what a student's code printed: nothing of it may run, or act in the reader's name.
_FEEDBACK_POLICY: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"


class Home(Page):
    """The page: an instructor's is the class, everybody else's their own."""

    @authenticated
    async def get(self) -> None:
        """Show it."""
        if self.visitor.is_instructor:
            self.show("instructor.html", view=await view_of_class(self.page, self.gateway))
        else:
            self.show("student.html", view=await view_of_student(self.page, self.gateway, self.visitor.name))


class Own(Page):
    """An instructor's own clusters."""

    @authenticated
    async def get(self) -> None:
        """Show them."""
        self.show("student.html", view=await view_of_student(self.page, self.gateway, self.visitor.name))


class Live(Page):
    """The part of a page that changes by itself: its script asks for it every few seconds."""

    async def get(self, whose: str) -> None:
        """Give it as HTML; who is no longer logged in is told so, and not sent away."""
        if not self.current_user:
            raise HTTPError(HTTPStatus.FORBIDDEN)
        if whose == "class":
            require_instructor(self.visitor)
            self._write("_live_class.html", await view_of_class(self.page, self.gateway))
        else:
            self._write("_live_student.html", await view_of_student(self.page, self.gateway, self.visitor.name))

    def _write(self, template: str, view: ClassView | StudentView) -> None:
        self.finish(render(template, page=self.page, view=view, xsrf=self.xsrf_token.decode(), drawing=drawing))


class Feedback(Page):
    """A page of feedback that was released to the visitor; there is no way to name anybody else's."""

    @authenticated
    def get(self, assignment: str, notebook: str) -> None:
        """Show it; nothing in it runs."""
        for page in released_feedback(self.page.grading, assignment, self.visitor.name):
            if page.notebook == notebook:
                self.set_header("Content-Security-Policy", _FEEDBACK_POLICY)
                self.finish(page.path.read_bytes())
                return
        raise HTTPError(HTTPStatus.NOT_FOUND)


class Nowhere(Page):
    """Everything that is not there."""

    async def prepare(self) -> None:
        """Say so."""
        raise HTTPError(HTTPStatus.NOT_FOUND)


def routes(settings: PageSettings, auth: HubOAuth) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """Give all addresses."""
    prefix, given = settings.prefix, {"settings": settings, "auth": auth}
    pages: list[tuple[str, type[RequestHandler]]] = [
        ("", Home),
        ("me", Own),
        ("live/(class|me)", Live),
        ("feedback/([^/]+)/([^/]+)", Feedback),
        ("actions/stop", StopCluster),
        ("actions/quota", Quota),
        ("actions/extension", Extension),
        ("actions/message", MessageOfTheDay),
    ]
    return [
        *((prefix + path, handler, given) for path, handler in pages),
        (f"{prefix}static/(.*)", StaticFileHandler, {"path": str(STATIC)}),
        (f"{prefix}oauth_callback", _callback(auth), {}),
        (r".*", Nowhere, given),
    ]


def _callback(auth: HubOAuth) -> type[RequestHandler]:
    """Give the end of the login, with the page's own way to ask the Hub."""

    class Callback(HubOAuthCallbackHandler):  # type: ignore[misc]
        def initialize(self) -> None:
            self.hub_auth = auth

    found: type[RequestHandler] = Callback
    return found
