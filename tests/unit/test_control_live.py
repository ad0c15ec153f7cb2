"""Live models: one fault, in what is read or in who listens, ends nothing for good."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from slate_desktop.bus.memory_bus import MemoryBroker, MemoryBus
from slate_desktop.control import client as client_module
from slate_desktop.control.client import _close_part, _connect_both
from slate_desktop.control.events import Events
from slate_desktop.control.live import Lifetime, Rereading
from slate_desktop.control.models_stats import ContainerStatsModel
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import DatabaseError, NotConnectedError, SlateError
from slate_desktop.wire.codec import encode
from slate_desktop.wire.events import Heartbeat


class Part:
    """A connection that can be closed."""

    def __init__(self, *, hangs: bool = False, fails: bool = False) -> None:
        self.is_closed = False
        self._hangs, self._fails = hangs, fails

    async def aclose(self) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        if self._fails:
            raise OSError("broken pipe")
        self.is_closed = True


async def given(part: Part) -> Part:
    return part


async def refused() -> Part:
    await asyncio.sleep(0)
    raise NotConnectedError("away")


async def test_rereading_goes_on_after_a_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[Exception | None] = [ValueError("a bug"), DatabaseError("away"), None]
    told: list[SlateError | None] = []
    done = asyncio.Event()

    async def read() -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        asyncio.get_running_loop().call_soon(done.set)

    life = Lifetime("test")
    rereading = Rereading(life, read, told.append, every_s=60, retry_s=0.01)
    rereading.ask()
    async with asyncio.timeout(10):
        await done.wait()
    await life.aclose()
    assert [type(error) for error in told] == [DatabaseError, type(None)]
    assert "could not be read again" in caplog.text


async def test_cancelling_the_end_of_a_model_is_not_swallowed() -> None:
    life = Lifetime("test")
    is_stubborn = asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            is_stubborn.set()
            await asyncio.sleep(0.05)
            raise

    life.spawn(slow_to_end(), "slow")
    await asyncio.sleep(0)
    closing = asyncio.create_task(life.aclose())
    await is_stubborn.wait()
    closing.cancel()
    await asyncio.wait({closing})
    assert closing.cancelled()


async def test_listener_that_fails_keeps_nobody_else_from_hearing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def ignore(_event: object) -> None:
        return None

    broker = MemoryBroker()
    bus, agent = MemoryBus(broker), MemoryBus(broker)
    events = Events(bus, ignore)
    await events.open()
    heard = asyncio.Event()

    def fail(_heartbeat: Heartbeat) -> None:
        raise ValueError("a bug")

    events.on_heartbeat(fail)
    events.on_heartbeat(lambda _: heard.set())
    beat = Heartbeat(agent_id="a1", epoch=1, capabilities={}, engines={}, sessions=0)
    await agent.publish("slate.agent.a1.heartbeat", encode(beat))
    async with asyncio.timeout(10):
        await heard.wait()
    await bus.aclose()
    await agent.aclose()
    assert "a listener to events failed" in caplog.text


async def test_the_other_connection_is_closed_where_one_fails_or_the_start_is_cancelled() -> None:
    bus = Part()
    with pytest.raises(NotConnectedError):
        await _connect_both(given(bus), refused())  # type: ignore[arg-type]
    assert bus.is_closed
    db = Part()
    connecting = asyncio.create_task(
        _connect_both(asyncio.Event().wait(), given(db))  # type: ignore[arg-type]
    )
    await asyncio.sleep(0.01)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert db.is_closed


async def test_a_part_that_hangs_or_fails_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "_CLOSE_TIMEOUT_S", 0.01)
    last = Part()
    for part in (Part(hangs=True), Part(fails=True), last):
        await _close_part(part.aclose)
    assert last.is_closed


async def test_stats_are_polled_although_the_row_was_read_before_the_event() -> None:
    asked = asyncio.Event()

    class Slate:
        events = SimpleNamespace(on_status=lambda _callback, _session: lambda: None)

        async def get_runtime_session(self, _session_id: str) -> object:
            model._on_status(SimpleNamespace(data=SimpleNamespace(status=SessionStatus.RUNNING)))  # type: ignore[arg-type]
            return SimpleNamespace(status=SessionStatus.STARTING)

        async def get_container_stats(self, _session_id: str) -> object:
            asked.set()
            return object()

    model = ContainerStatsModel(Slate(), "s1", interval_s=60)  # type: ignore[arg-type]
    await model.open()
    async with asyncio.timeout(10):
        await asked.wait()
    await model.aclose()
