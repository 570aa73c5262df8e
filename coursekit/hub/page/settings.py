"""What the course page has to know, and where it listens."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from coursekit.errors import SettingsError
from coursekit.gateway.tables import usage_database
from coursekit.grading import GradingSettings
from coursekit.hub.page.message import message_file
from coursekit.hub.settings import HubSettings

PREFIX = "/services/course/"


@dataclass(frozen=True, kw_only=True, slots=True)
class PageSettings:
    """What the page has to know.

    Parameters
    ----------
    title : str
        The course's name for people.
    grading : GradingSettings
        The course's folders and exchange.
    state : Path
        The Hub's state folder.
    roster : Path, optional
        The class; there need not be such a file.
    instructors : frozenset of str
        Users who see the class.
    graders : str
        The group whose members see the class too.
    gateway_url : str
        Where the gateway is; empty where there is none.
    usage : str
        The database of usage.
    base_url : str
        The path that all of the Hub's addresses begin with, with a slash at its end.
    prefix : str
        The path that the page's own addresses begin with, likewise.
    host, port
        Where to listen; any free port when it is 0.
    hours : float
        How far back the plot of cores reaches, h.
    """

    title: str
    grading: GradingSettings
    state: Path
    roster: Path | None = None
    instructors: frozenset[str] = frozenset()
    graders: str = ""
    gateway_url: str = ""
    usage: str = ""
    base_url: str = "/"
    prefix: str = PREFIX
    host: str = "127.0.0.1"
    port: int = 0
    hours: float = 6.0

    @property
    def message_file(self) -> Path:
        """Where the message of the day is."""
        return message_file(self.state)


def page_settings(hub: HubSettings, environment: Mapping[str, str] | None = None) -> PageSettings:
    """Take what the page needs from the Hub's settings, and from what the Hub gives its services.

    Parameters
    ----------
    hub : HubSettings
        The course's Hub.
    environment : mapping, optional
        ``JUPYTERHUB_SERVICE_URL``, ``JUPYTERHUB_SERVICE_PREFIX``, ``JUPYTERHUB_BASE_URL`` and
        ``COURSEKIT_GATEWAY_URL``; this process's own when not given.

    Raises
    ------
    SettingsError
        If there is no address to listen on.
    """
    given = os.environ if environment is None else environment
    url = given.get("JUPYTERHUB_SERVICE_URL", "")
    parts = urlsplit(url)
    if not parts.hostname or not parts.port:
        raise SettingsError(
            f"JUPYTERHUB_SERVICE_URL = {url!r} is no address to listen on.",
            fix='let the Hub start the course page, or set it to "http://127.0.0.1:10102"',
        )
    return PageSettings(
        title=hub.title,
        grading=hub.grading,
        state=hub.state,
        roster=hub.roster_file,
        instructors=frozenset(hub.instructors),
        graders=hub.graders,
        gateway_url=given.get("COURSEKIT_GATEWAY_URL", ""),
        usage=usage_database(hub.state),
        base_url=_path(given.get("JUPYTERHUB_BASE_URL") or "/"),
        prefix=_path(given.get("JUPYTERHUB_SERVICE_PREFIX") or PREFIX),
        host=parts.hostname,
        port=parts.port,
    )


def _path(text: str) -> str:
    return text if text.endswith("/") else f"{text}/"
