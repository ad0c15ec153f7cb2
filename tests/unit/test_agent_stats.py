"""Samples of runtimes: one that cannot be told or stored ends nobody else's."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from slate_desktop.agent.statspump import StatsPump
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import DatabaseError, StaleWriteError

STATS = ContainerStats(
    cpu_percent=1.0,
    memory_usage=2,
    memory_limit=3,
    network_rx_bytes=4,
    network_tx_bytes=5,
    sampled_at_ns=6,
)


class Driver:
    """One whose samples take no waiting, or one that is always asked."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.at_once = at_once

    def stats_at_once(self, _handle: object) -> ContainerStats | None:
        return STATS if self.at_once else None

    async def stats(self, _handle: object) -> ContainerStats:
        return STATS


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("at_once", [True, False])
async def test_faults_of_one_session_leave_the_samples_of_others(at_once: bool) -> None:
    published: list[str] = []
    stored: list[str] = []

    async def publish(taken: list[Any]) -> None:
        names = [row.id for row, _ in taken]
        published.extend(names)
        if "bad" in names:
            raise ValueError("a bug")

    async def store(taken: list[Any]) -> None:
        if "bad" in {row.id for row, _ in taken}:
            raise TypeError("another")
        stored.extend(row.id for row, _ in taken)

    pump = StatsPump(publish, store, period_s=0.001)
    running = asyncio.create_task(pump.run())
    driver = Driver(at_once=at_once)
    for name in ("bad", "good"):
        pump.watch(SimpleNamespace(id=name), driver, SimpleNamespace(id=name))  # type: ignore[arg-type]
    await until(lambda: published.count("bad") >= 11 and stored.count("good") >= 2)
    assert not running.done()
    assert pump.newest("bad") is not None
    running.cancel()
    await asyncio.wait({running})


async def test_last_samples_wait_for_the_database_but_not_when_they_are_refused() -> None:
    tries: dict[str, int] = {"away": 0, "refused": 0}

    async def publish(_taken: list[Any]) -> None:
        return None

    async def store(taken: list[Any]) -> None:
        ((row, _),) = taken
        tries[row.id] += 1
        if row.id == "refused":
            raise StaleWriteError("another agent's now")
        if tries["away"] < 3:
            raise DatabaseError("away")

    pump = StatsPump(publish, store, period_s=0.001)
    for name in tries:
        pump.watch(SimpleNamespace(id=name), Driver(), SimpleNamespace(id=name))  # type: ignore[arg-type]
        await pump.sample(name)
        pump.forget(name)
    running = asyncio.create_task(pump.run())
    await until(lambda: tries["away"] == 3 and not pump._left)
    assert tries == {"away": 3, "refused": 1}
    running.cancel()
    await asyncio.wait({running})


async def test_what_waits_is_stored_when_the_agent_ends() -> None:
    stored: list[int] = []

    async def publish(_taken: list[Any]) -> None:
        return None

    async def store(taken: list[Any]) -> None:
        stored.extend(len(samples) for _, samples in taken)

    pump = StatsPump(publish, store)
    pump.watch(SimpleNamespace(id="one"), Driver(), SimpleNamespace(id="one"))  # type: ignore[arg-type]
    await pump.sample("one")
    await pump.flush()
    await pump.flush()
    assert stored == [1]


async def test_a_runtime_that_cannot_be_sampled_costs_the_others_nothing() -> None:
    published: list[str] = []

    async def publish(taken: list[Any]) -> None:
        published.extend(row.id for row, _ in taken)

    async def store(_taken: list[Any]) -> None:
        return None

    class Broken(Driver):
        def stats_at_once(self, _handle: object) -> ContainerStats | None:
            raise ValueError("a bug")

    class Hanging(Driver):
        async def stats(self, _handle: object) -> ContainerStats:
            await asyncio.Event().wait()
            return STATS

    pump = StatsPump(publish, store, period_s=0.001)
    running = asyncio.create_task(pump.run())
    drivers = {"broken": Broken(), "hanging": Hanging(at_once=False), "good": Driver()}
    for name, driver in drivers.items():
        pump.watch(SimpleNamespace(id=name), driver, SimpleNamespace(id=name))  # type: ignore[arg-type]
    await until(lambda: len(published) >= 5)
    assert set(published) == {"good"}
    assert not running.done()
    running.cancel()
    await asyncio.wait({running})


async def test_samples_of_all_sessions_are_stored_together_and_wait_together() -> None:
    calls: list[dict[str, int]] = []

    async def publish(_taken: list[Any]) -> None:
        return None

    async def store(taken: list[Any]) -> None:
        calls.append({row.id: len(samples) for row, samples in taken})
        if len(calls) == 1:
            raise DatabaseError("away")

    pump = StatsPump(publish, store, period_s=0.001)
    names = [f"s{number}" for number in range(10)]
    for name in names:
        pump.watch(SimpleNamespace(id=name), Driver(), SimpleNamespace(id=name))  # type: ignore[arg-type]
    running = asyncio.create_task(pump.run())
    await until(lambda: len(calls) >= 2)
    running.cancel()
    await asyncio.wait({running})
    assert all(set(call) == set(names) for call in calls[:2])
    # What the first call could not store came with the second.
    assert all(calls[1][name] > calls[0][name] >= 9 for name in names)
