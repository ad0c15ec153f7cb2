"""Waiting for the end of a container, once for all who want to know."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from slate_desktop.agent.drivers.base import Inspection, RuntimeState
from slate_desktop.agent.drivers.docker.engine import Engine
from slate_desktop.errors import CommandError, ErrorCode

T = TypeVar("T")
# A wait is asked again this often, in case its connection died without a sign, which one to this
# machine seldom does.
_SLICE_S = 10.0
_LOCAL_SLICE_S = 40.0
_BACKOFF_MAX_S = 5.0


class SharedWaits(Generic[T]):
    """Waits by name. One that nobody joins any more is cancelled."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[asyncio.Task[T], list[object]]] = {}

    async def join(self, name: str, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait with whoever waits already, or begin to."""
        running = self._running.get(name)
        if running is None:
            task = asyncio.create_task(begin(), name=f"wait-{name[:12]}")
            running = self._running[name] = (task, [])
        task, joined = running
        me = object()
        joined.append(me)
        try:
            return await asyncio.shield(task)
        finally:
            joined.remove(me)
            if task.done() or not joined:
                if self._running.get(name) is running:
                    del self._running[name]
                task.cancel()


async def until_ended(
    engine: Engine, container_id: str, inspect: Callable[[], Awaitable[Inspection]]
) -> Inspection:
    """Return what the engine says of a container once it has exited or is gone.

    Goes on while the engine is away.
    """
    pause_s = 0.1
    while True:
        try:
            found = await inspect()
            if found.state in (RuntimeState.EXITED, RuntimeState.ABSENT):
                return found
            pause_s = 0.1
            while not await _has_news(engine, container_id, found.state):
                pass
        except CommandError as exc:
            if exc.code is not ErrorCode.DOCKER_UNAVAILABLE:
                raise
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311
            pause_s = min(pause_s * 2, _BACKOFF_MAX_S)


async def _has_news(engine: Engine, container_id: str, state: RuntimeState) -> bool:
    """Wait once; False where the engine has only been silent, so that the container runs on."""
    condition = "not-running" if state is RuntimeState.RUNNING else "next-exit"
    path = f"/containers/{container_id}/wait?condition={condition}"
    slice_s = _LOCAL_SLICE_S if engine.address.is_local else _SLICE_S
    try:
        async with (
            asyncio.timeout(slice_s),
            engine.open("POST", path, patience_s=slice_s) as answer,
        ):
            while await answer.read():
                pass
    except TimeoutError:
        # One that has not begun may have begun and ended between two questions.
        return state is not RuntimeState.RUNNING
    return True
