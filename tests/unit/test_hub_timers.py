"""Timers of the Hub go by time that passes, whatever the clock is set to."""

import asyncio
import time

import pytest
from tornado.ioloop import PeriodicCallback
from tornado.platform.asyncio import BaseAsyncIOLoop

from coursekit.hub.clock import keep_timers_steady


@pytest.fixture
def _steady(monkeypatch):
    monkeypatch.setattr(BaseAsyncIOLoop, "time", BaseAsyncIOLoop.time)  # put back afterwards
    keep_timers_steady()


@pytest.mark.usefixtures("_steady")
@pytest.mark.parametrize("hours", [-1, 1], ids=["back", "ahead"])
def test_what_is_done_periodically_goes_on_at_its_pace_after_the_clock_was_set(monkeypatch, hours):
    right = time.time
    moments = []

    async def main():
        enough = asyncio.Event()

        def do():
            moments.append(time.monotonic())
            monkeypatch.setattr(time, "time", lambda: right() + hours * 3600)
            if len(moments) == 5:
                enough.set()

        timer = PeriodicCallback(do, 50)
        timer.start()
        await asyncio.wait_for(enough.wait(), 20)
        timer.stop()

    asyncio.run(main())
    assert moments[-1] - moments[0] >= 0.19
