"""What is decided about one's clusters, as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable

from tornado.iostream import StreamClosedError

from coursekit.errors import TooManyRequestsError
from coursekit.gateway.api import Api


class EventStream(Api):
    """What is decided about the caller's clusters, as it happens (server-sent events)."""

    _streaming: asyncio.Future[None] | None = None

    async def get(self) -> None:
        """Stream events; those since ``Last-Event-ID`` first."""
        self.check_query()
        user = self.owner
        if self.streams[user] >= self.clusters.settings.limits.streams:
            raise TooManyRequestsError(f"{user} has {self.streams[user]} streams open.", fix="close a notebook")
        self.streams[user] += 1
        self._streaming = asyncio.ensure_future(self._stream(user))
        try:
            with contextlib.suppress(StreamClosedError, asyncio.CancelledError):  # whoever listened has gone
                await self._streaming
        finally:
            self.streams[user] -= 1

    def on_connection_close(self) -> None:
        """Stop when nobody listens any longer."""
        if self._streaming is not None:
            self._streaming.cancel()

    async def _stream(self, user: str) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("X-Accel-Buffering", "no")
        last = self.request.headers.get("Last-Event-ID", "")
        number = int(last) if last.isascii() and last.isdigit() and len(last) < 17 else self.clusters.events.now
        await self._send(": listening\n\n")
        async for event in self.clusters.events.after(user, number, within_s=self.clusters.settings.stream_s):
            if event is None:
                await self._send(": still here\n\n")
            else:
                body = json.dumps(event.as_json())
                await self._send(f"id: {event.number}\nevent: {event.kind}\ndata: {body}\n\n")

    def _send(self, text: str) -> Awaitable[None]:
        self.write(text)
        return self.flush()
