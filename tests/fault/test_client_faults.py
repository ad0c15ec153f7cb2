"""What a client keeps through faults: broker and database killed, agent killed, two clients."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from slate_desktop.bus.port import ConnectionState
from slate_desktop.control import RuntimeSessionModel, SessionListModel, Slate
from slate_desktop.control.console import LogBuffer
from slate_desktop.control.console_chunks import LogRow
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import SlateError
from tests.services.stack import OwnStack

pytestmark = [
    pytest.mark.fault,
    pytest.mark.nats,
    pytest.mark.postgres,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.name == "nt", reason="not on this platform"),
]
# Some thousand lines a second: a server dies with lines in every queue.
LOOP = """
import time
number = 0
while True:
    for number in range(number + 1, number + 31):
        print("line", number)
    print(end="", flush=True)
    time.sleep(0.01)
"""


async def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        await asyncio.sleep(0.05)


async def running(slate: Slate, root: Path) -> RuntimeSessionModel:
    await asyncio.to_thread(_write_project, root)
    project = await slate.add_project(root, command=["{python}", "{root}/loop.py"])
    row = await slate.create_runtime_session(project.id, {"driver": "process"})
    model = RuntimeSessionModel(slate, row.id)
    await model.open()
    assert await model.start() is not None, model.error
    await until(lambda: model.session is not None and model.session.status == "running")
    return model


def _write_project(root: Path) -> None:
    root.mkdir()
    (root / "loop.py").write_text(LOOP)


def messages(buffer: LogBuffer) -> list[str]:
    return [row.message for row in buffer.rows(0, len(buffer))]


def assert_whole(buffer: LogBuffer) -> None:
    assert buffer.gaps == []
    assert_in_order(buffer.rows(0, len(buffer)))


async def assert_whole_with_stored(model: RuntimeSessionModel, last_seq: int) -> None:
    """What is kept and what is read for it are every line from the first to the last, once."""
    assert model.log.last_seq == last_seq
    assert_in_order([row async for rows in model.log.read(1, last_seq) for row in rows])


def assert_in_order(rows: list[LogRow]) -> None:
    numbers = [row.seq for row in rows]
    assert numbers == list(range(1, len(numbers) + 1))
    lines = [row.message for row in rows if row.message.startswith("line ")]
    assert lines == [f"line {number}" for number in range(1, len(lines) + 1)]


@pytest.mark.parametrize("victim", ["nats", "database", "agent"])
async def test_the_console_is_whole_after_a_server_was_killed(
    own_stack: OwnStack, tmp_path: Path, victim: str
):
    async with await Slate.connect("local") as slate:
        model = await running(slate, tmp_path / "p")
        await until(lambda: len(model.logs) > 50)
        children = own_stack.children()
        assert victim in children, children
        os.kill(children[victim].pid, signal.SIGKILL)
        await until(
            lambda: (
                victim in own_stack.children()
                and own_stack.children()[victim].pid != children[victim].pid
            )
        )
        await until(lambda: slate.bus.state is ConnectionState.CONNECTED)
        have = model.logs.last_seq
        await until(lambda: model.logs.last_seq > have + 100)
        # A window that is opened while lines come has the same log.
        opened = RuntimeSessionModel(slate, model.session_id)
        await opened.open()
        row = await _stopped(slate, model.session_id)
        assert row.attempt == 1
        await until(lambda: model.session is not None and model.session.log_complete)
        page = await slate.get_runtime_logs(model.session_id, limit=1)
        last_seq = page.lines[-1].seq
        for console in (model, opened):
            await until(
                lambda console=console: console.logs.last_seq == last_seq and not console.logs.gaps
            )
        assert_whole(model.logs)
        await assert_whole_with_stored(opened, last_seq)
        for console in (model, opened):
            await console.aclose()


async def test_two_clients_see_the_same(own_stack: OwnStack, tmp_path: Path):
    async with await Slate.connect("local") as first, await Slate.connect("local") as second:
        sessions = SessionListModel(second)
        await sessions.open()
        model = await running(first, tmp_path / "p")
        await until(lambda: [row.status for row in sessions.sessions] == [SessionStatus.RUNNING])
        other = RuntimeSessionModel(second, model.session_id)
        await other.open()
        assert await other.stop() is not None, other.error
        for item in (model, other):
            await until(lambda item=item: item.session is not None and item.session.log_complete)
            assert item.session is not None
            assert item.session.status is SessionStatus.STOPPED
        await until(lambda: model.logs.last_seq == other.logs.last_seq)
        assert messages(model.logs) == messages(other.logs)
        assert_whole(model.logs)
        for item in (sessions, model, other):
            await item.aclose()


async def _stopped(slate: Slate, session_id: str):
    """Stop a session, asking again while a server is still coming back."""
    end = time.monotonic() + 60
    while True:
        try:
            return (await slate.stop_container(session_id, wait=True, timeout_s=20)).session
        except (SlateError, TimeoutError):
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.5)
