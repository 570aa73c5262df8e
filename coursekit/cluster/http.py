"""Talks to the gateway: JSON over HTTP with a Hub token, and a stream of events."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

from coursekit.cluster.wire import read_error
from coursekit.errors import CoursekitError, GatewayUnavailableError

_ANSWER_S: Final = 90.0
_PATIENCE_S: Final = 30.0
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 3.0
_AGAIN: Final = (429, 502, 503, 504)  # it starts again, or its Hub does, or we ask too often


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a token goes where it was meant to, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


class GatewayConnection:
    """Requests to the gateway.

    Parameters
    ----------
    url : str
        The service's address, up to and with its prefix.
    token : str
        The user's token of the Hub.
    patience_s : float
        For how long it is asked again when it does not answer, s: all requests may be made twice.
    """

    def __init__(self, url: str, token: str, *, patience_s: float = _PATIENCE_S) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._patience_s = patience_s
        # No proxy of the environment: the gateway is beside us, and the token is not for others to see.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Make a request and give the answer's JSON; None of an empty one.

        Raises
        ------
        CoursekitError
            The gateway's own error, as if it had been raised here.
        GatewayUnavailableError
            If it does not answer.
        """
        deadline = time.monotonic() + self._patience_s
        pause = _FIRST_PAUSE_S
        while True:
            try:
                with self._open(method, path, body) as answer:
                    text = answer.read()
                return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                failure, is_final = _read(error), error.code not in _AGAIN
            except (OSError, http.client.HTTPException) as error:
                failure, is_final = self._silent(error), False
            if is_final or time.monotonic() + pause > deadline:
                raise failure from None
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def events(self, over: threading.Event, last: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        """Give events as they come, each with its number, until the stream ends.

        Parameters
        ----------
        over : threading.Event
            When it is set, the stream is left with the next line, which comes at least every 15 seconds.
        last : str
            The number of the last event that is known; only new ones when empty.
        """
        headers = {"Last-Event-ID": last} if last else {}
        with self._open("GET", "events", None, **headers) as answer:
            number = ""
            for line in answer:
                if over.is_set():
                    return
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "id":
                    number = value
                elif field == "data":
                    yield number, json.loads(value)

    def _open(self, method: str, path: str, body: dict[str, Any] | None, **headers: str) -> Any:
        request = urllib.request.Request(  # noqa: S310 -- the address is an operator's
            f"{self.url}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **headers},
        )
        return self._opener.open(request, timeout=_ANSWER_S)

    def _silent(self, error: OSError | http.client.HTTPException) -> GatewayUnavailableError:
        reason = getattr(error, "reason", None) or error
        what = "it took too long" if isinstance(reason, socket.timeout) else str(reason)
        return GatewayUnavailableError(
            f"the class's gateway at {self.url} does not answer ({what}).",
            fix="run the cell again in a minute; a cluster that runs goes on running",
        )


def _read(error: urllib.error.HTTPError) -> CoursekitError:
    """Read the gateway's error, or say what else came in its place."""
    try:
        return read_error(json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError, OSError):
        return GatewayUnavailableError(
            f"something else than the class's gateway answered at {error.url}: {error.code} {error.reason}.",
            fix="run the cell again in a minute; if it stays so, tell an operator",
        )
