"""Runs code in a kernel of a user's server as JupyterLab does: its messages come and go over a websocket.

The messages are those of the Jupyter messaging protocol (https://jupyter-client.readthedocs.io/en/stable/messaging.html).
"""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from coursekit.errors import HubError


async def run_code(url: str, code: str, *, headers: dict[str, str], timeout_s: float) -> str:
    """Run code in a kernel and give what it printed.

    Parameters
    ----------
    url : str
        The websocket of the kernel's channels.
    code : str
        What to run.
    headers : dict of str to str
        Of the request that opens the websocket: cookies, and where it comes from.
    timeout_s : float
        How long it may take, s.

    Raises
    ------
    HubError
        If the websocket is refused, the code raises, or it takes too long.
    """
    from tornado.httpclient import HTTPClientError, HTTPRequest
    from tornado.websocket import websocket_connect

    try:
        async with asyncio.timeout(timeout_s):
            channels = await websocket_connect(HTTPRequest(url, headers=headers, validate_cert=False))
            try:
                return await _converse(channels, code)
            finally:
                channels.close()
    except TimeoutError:
        raise HubError(
            f"code ran for more than {timeout_s:.0f} s: {code.splitlines()[-1]!r}.", fix="look at the student's server"
        ) from None
    except (HTTPClientError, OSError) as error:
        raise HubError(f"the kernel's websocket {url} is refused: {error}.", fix="read build/hub/hub.log") from error


async def _converse(channels: Any, code: str) -> str:
    asked = uuid.uuid4().hex
    await channels.write_message(json.dumps(_request(asked, code)))
    printed: list[str] = []
    while (text := await channels.read_message()) is not None:
        message = json.loads(text)
        if message["parent_header"].get("msg_id") != asked:
            continue
        content, kind = message["content"], message["header"]["msg_type"]
        if kind == "stream" and content["name"] == "stdout":
            printed.append(content["text"])
        if kind == "error":
            raise HubError(f"{content['ename']}: {content['evalue']}", fix="run the same in the student's notebook")
        if kind == "status" and content["execution_state"] == "idle":
            return "".join(printed)
    raise HubError("the kernel closed its websocket.", fix="look at the student's server: memory may have run out")


def _request(name: str, code: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    header = {"msg_id": name, "msg_type": "execute_request", "username": "", "session": name, "version": "5.4"}
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    return {
        "header": {**header, "date": now},
        "parent_header": {},
        "metadata": {},
        "content": {**content, "stop_on_error": True},
        "channel": "shell",
        "buffers": [],
    }
