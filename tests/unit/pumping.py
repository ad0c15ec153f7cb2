"""Log pumps for tests, on a driver and a sink that do as they are told."""

from __future__ import annotations

import asyncio
from typing import cast

from slate_desktop.agent.drivers.base import Driver
from slate_desktop.agent.logdoors import PumpLimits
from slate_desktop.agent.logpump import LogPump
from tests.unit.fake_runtime import HANDLE, FakeLogDriver, FakeSink

LIMITS = PumpLimits(delay_s=0.001, store_interval_s=0.0, retry_s=0.005)
S = 1_000_000_000


def make_pump(driver: FakeLogDriver, sink: FakeSink, limits: PumpLimits = LIMITS) -> LogPump:
    return LogPump(cast("Driver", driver), HANDLE, sink, limits)


async def run_to_end(driver: FakeLogDriver, sink: FakeSink, limits: PumpLimits = LIMITS) -> None:
    pump = make_pump(driver, sink, limits)
    driver.end()
    pump.end_with()
    await asyncio.wait_for(pump.run(), 30)


async def until(event_of: FakeSink, count: int) -> None:
    while len(event_of.rows) < count:
        event_of.stored.clear()
        await asyncio.wait_for(event_of.stored.wait(), 30)


async def until_calls(sink: FakeSink, count: int) -> None:
    while sink.calls < count:
        sink.called.clear()
        await asyncio.wait_for(sink.called.wait(), 30)
