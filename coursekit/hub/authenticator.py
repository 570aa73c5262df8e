"""Logging in with a shared password, one for students and another for instructors."""

from __future__ import annotations

from secrets import compare_digest
from typing import Any

from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from traitlets import Set, Unicode


class CoursePasswordAuthenticator(SharedPasswordAuthenticator):  # type: ignore[misc]
    """JupyterHub's shared password, with a password of their own for instructors who are not administrators.

    The base class knows a second password for administrators only, and an administrator of the Hub may do
    far more than grade.
    """

    instructors = Set(Unicode(), help="Names that need the instructors' password.").tag(config=True)
    instructor_password = Unicode(help="The instructors' password.").tag(config=True)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> Any:
        """Accept an instructor with the instructors' password, anybody else with the students'."""
        name = self.normalize_username(data["username"])
        if not data["password"].isascii():
            return None  # both passwords are ASCII, and compare_digest raises on text that is not
        if name not in self.instructors:
            return await super().authenticate(handler, data)
        if self.instructor_password and compare_digest(data["password"], self.instructor_password):
            return {"name": name, "admin": False}
        return None
