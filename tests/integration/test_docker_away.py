"""The Docker driver while its engine cannot be reached."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from slate_desktop.agent.drivers.base import Handle, RuntimeState
from slate_desktop.agent.drivers.docker import DockerDriver
from slate_desktop.errors import CommandError, ErrorCode, Retry
from tests.integration.docker_runtimes import Make, driver, make, ready
from tests.services.listening import stop_listening

__all__ = ["driver", "make"]  # the fixtures
pytestmark = pytest.mark.docker


async def read_all(driver: DockerDriver, handle: Handle, has_read: asyncio.Event) -> None:
    async for _ in driver.logs(handle):
        has_read.set()


async def test_engine_that_is_away_is_unknown_not_dead(tmp_path: Path, make: Make) -> None:
    driver = DockerDriver(f"unix://{tmp_path}/none.sock")
    labels = make().labels
    handle = Handle(driver=driver.name, runtime_id="f" * 64, name="slate-x-1", labels=labels)

    info = await driver.fingerprint()
    for call in (driver.inspect(handle), driver.list_runtimes("a"), driver.stop(handle, 1)):
        with pytest.raises(CommandError) as caught:
            await call
        assert caught.value.code is ErrorCode.DOCKER_UNAVAILABLE
        assert caught.value.retry is Retry.LATER
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(driver.wait(handle), 0.5)
    await driver.aclose()

    assert not info.is_available
    assert info.reason


class Relay:
    """A Unix socket in front of the engine's, that a test can take away and bring back."""

    def __init__(self, target: str, path: Path) -> None:
        self.url = f"unix://{path}"
        self._target = target.removeprefix("unix://")
        self._path = path
        self._server: asyncio.Server | None = None
        self._is_up = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def up(self) -> None:
        self._is_up = True
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def down(self) -> None:
        assert self._server is not None
        self._is_up = False
        self._path.unlink(missing_ok=True)
        for writer in self._writers:
            writer.transport.abort()
        await stop_listening(self._server, self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        theirs, out = await asyncio.open_unix_connection(self._target)
        self._writers |= {writer, out}
        if not self._is_up:
            writer.transport.abort()
            out.transport.abort()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._carry(reader, out), self._carry(theirs, writer), return_exceptions=True
            )
        for end in (writer, out):
            self._writers.discard(end)
            end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


@pytest.mark.fault
async def test_wait_goes_on_while_the_engine_is_away(
    docker_engine: str, driver: DockerDriver, make: Make, tmp_path: Path
) -> None:
    relay = Relay(docker_engine, tmp_path / "relay.sock")
    await relay.up()
    watcher = DockerDriver(relay.url, with_host_files=False)
    handle = await ready(watcher, make())
    waiter = asyncio.create_task(watcher.wait(handle))
    has_read = asyncio.Event()
    follower = asyncio.create_task(read_all(watcher, handle, has_read))
    await has_read.wait()

    await relay.down()
    with pytest.raises(CommandError) as caught:
        await asyncio.wait_for(follower, 10)
    with pytest.raises(CommandError):
        await watcher.inspect(handle)
    # It ends where the watcher cannot see it.
    await driver.stop(handle, 5)
    assert not waiter.done()
    await relay.up()

    found = await asyncio.wait_for(waiter, 60)
    await watcher.aclose()
    await relay.down()
    assert caught.value.code is ErrorCode.DOCKER_UNAVAILABLE
    assert (found.state, found.exit_code) == (RuntimeState.EXITED, 0)
