"""One wait for all who want to know of the same end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


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
