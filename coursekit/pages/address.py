"""Where a page of Spark's is on the user's Jupyter server, and what its text needs to work there; pure.

Spark tells a page its place by the header ``X-Forwarded-Context``, and nearly all that a page links to follows from
that. Two things do not: links to other processes of the cluster, and scripts that take a part of the path that is
called "proxy" or "history" for YARN's proxy or the history server and ask there (apache/spark pull request 31774).
"""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import urlsplit

from coursekit.ports import LOOPBACK

SPARK: Final = "spark"
"""The part of the path below which Spark's pages are."""

_HERE: Final = (LOOPBACK, "localhost")
# Links to the master, to workers and to applications; `X` is a host, then a port.
_LINK: Final = re.compile(rb"""(\bhref=["'])http://([A-Za-z0-9.-]+):(\d+)(?=[/"'?#])""")
# Logs of an executor, as /api/v1 and the task table name them.
_LOG: Final = re.compile(rb"""("(?:stdout|stderr)"\s*:\s*")http://([A-Za-z0-9.-]+):(\d+)(?=/)""")
_PATH_WORD: Final = re.compile(rb"""\.indexOf\((["'])(?:proxy|history)\1\)""")


def path_of(host: str, port: int | str) -> str:
    """Name a page's place below the server's base: ``spark/4040``, or ``spark/172.20.0.3/8080`` of another host.

    Not with a colon, which the Hub's proxy hands on as ``%3A``.
    """
    return f"{SPARK}/{port}" if host in _HERE else f"{SPARK}/{host}/{port}"


def path_on_this_server(url: str) -> str:
    """Turn the address of one of Spark's pages into one that the user's browser reaches.

    Parameters
    ----------
    url : str
        Where this machine finds the page: ``http://127.0.0.1:4040``.

    Returns
    -------
    str
        Behind a Hub a path of the user's own server, ``/user/ada/spark/4040/``; elsewhere the address as it is.
    """
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    parts = urlsplit(url)
    if not prefix or not parts.hostname or not parts.port:
        return url
    return f"{prefix.rstrip('/')}/{path_of(parts.hostname, parts.port)}/"


def adapt(text: bytes, content_type: str, base: str) -> bytes:
    """Make what Spark answers work on the user's server.

    Parameters
    ----------
    text : bytes
        A page, a script or an answer of ``/api/v1``.
    content_type : str
        Which of them it is, as HTTP says it.
    base : str
        The server's own path: ``/user/ada/``.
    """

    def move(found: re.Match[bytes]) -> bytes:
        start, host, port = found.groups()
        return start + f"{base.rstrip('/')}/{path_of(host.decode(), port.decode())}".encode()

    if "html" in content_type:
        return _LINK.sub(move, text)
    if "json" in content_type:
        return _LOG.sub(move, text)
    if "javascript" in content_type:
        # No part of a path equals null. The parts to be protected are the user's name and the server's.
        return _PATH_WORD.sub(b".indexOf(null)", text)
    return text


def location(target: str, context: str) -> str:
    """Write where Spark redirects to as a path that begins after ``context``.

    It is an address with the host that the browser asked for, and may have the context already, or not.
    """
    parts = urlsplit(target)
    path = parts.path or "/"
    if path == context or path.startswith(f"{context}/"):
        path = path[len(context) :] or "/"
    return parts._replace(scheme="", netloc="", path=f"/{path.lstrip('/')}").geturl()
