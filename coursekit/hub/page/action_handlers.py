"""The addresses that instructors' forms are sent to."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from http import HTTPStatus

from tornado.web import authenticated

from coursekit.errors import CoursekitError, NotAllowedError
from coursekit.hub.page import actions
from coursekit.hub.page.actions import Said
from coursekit.hub.page.base import Page, require_instructor
from coursekit.hub.page.gateway import Gateway
from coursekit.hub.page.views import students_of_class

log = logging.getLogger(__name__)


class Action(Page):
    """Something that an instructor does; afterwards the page says what was done."""

    @authenticated
    async def post(self) -> None:
        """Do it, and go back to the page."""
        require_instructor(self.visitor)
        try:
            said = await self.act()
        except CoursekitError as error:
            said = Said(kind="problem", text=str(error))
        log.warning("%s: %s: %s", self.visitor.name, said.kind, said.text)
        self.say(said)
        self.redirect(self.page.prefix, status=HTTPStatus.SEE_OTHER)

    def act(self) -> Awaitable[Said]:
        """Do it."""
        raise NotImplementedError

    def field(self, name: str) -> str:
        """Give what a form's field holds."""
        return str(self.get_body_argument(name, ""))

    @property
    def needed_gateway(self) -> Gateway:
        """The gateway.

        Raises
        ------
        NotAllowedError
            If this Hub has none.
        """
        if self.gateway is None:
            raise NotAllowedError("this Hub has no gateway.", fix="use an engine of containers in hub/course.toml")
        return self.gateway


class StopCluster(Action):
    """The end of a student's cluster."""

    async def act(self) -> Said:
        """Stop it."""
        return await actions.stop_cluster(self.needed_gateway, self.field("student"), self.field("cluster"))


class Quota(Action):
    """What a student may have at most."""

    async def act(self) -> Said:
        """Change it, or let the course's own hold again."""
        if self.field("do") == "reset":
            return await actions.reset_quota(self.needed_gateway, self.field("student"))
        return await actions.give_quota(
            self.needed_gateway, self.field("student"), self.field("cores"), self.field("memory")
        )


class Extension(Action):
    """More time for a student."""

    async def act(self) -> Said:
        """Write it down."""
        known = await students_of_class(self.page, self.gateway)
        fields = (self.field(name) for name in ("assignment", "student", "until"))
        return actions.extend(self.page, *fields, known=known)


class MessageOfTheDay(Action):
    """What everybody reads."""

    async def act(self) -> Said:
        """Write it, or remove it."""
        return actions.say(self.page, self.field("text"), self.visitor.name)
