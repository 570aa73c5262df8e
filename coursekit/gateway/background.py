"""Threads for what blocks, and what nobody waits for."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
_AT_ONCE: Final = 16
_PATIENCE_S: Final = 5.0


class Background:
    """Threads of three kinds, so that those who only ask never wait behind clusters that start."""

    def __init__(self) -> None:
        self._changes = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="change")
        self._reads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="read")
        self._writes = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._tasks: set[asyncio.Task[Any]] = set()

    async def change(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run what starts and stops nodes, which may take a minute."""
        return await self._in(self._changes, functools.partial(call, *args, **kwargs))

    async def read(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run what only asks."""
        return await self._in(self._reads, functools.partial(call, *args, **kwargs))

    async def write(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run what writes to the database, one after the other."""
        return await self._in(self._writes, functools.partial(call, *args, **kwargs))

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin something that nobody waits for, and keep it until it is done."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    async def close(self) -> None:
        """Let what is being done come to its end, for a while."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_PATIENCE_S)
        for pool in (self._changes, self._reads, self._writes):
            pool.shutdown(wait=False, cancel_futures=True)

    @staticmethod
    async def _in(pool: ThreadPoolExecutor, call: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(pool, call)

    def _finish(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("something in the background failed: %s", error, exc_info=error)
