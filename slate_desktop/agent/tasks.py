"""Tasks with an owner, a name and an end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from slate_desktop.errors import SlateError

_log = logging.getLogger(__name__)
T = TypeVar("T")


class TaskOwner:
    """Holds the tasks of one part of the agent: strong references, logged failures, one end.

    Args:
        name: stands in front of every task's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    def spawn(self, coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run ``coro`` until it ends or the owner is closed; a fault is logged once.

        Raises:
            RuntimeError: the owner is closed already.
        """
        if self._is_closed:
            coro.close()
            raise RuntimeError(f"{self._name} is closed")
        task = asyncio.create_task(coro, name=f"{self._name}.{name}")
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def __len__(self) -> int:
        return len(self._tasks)

    async def aclose(self, timeout_s: float = 5.0) -> None:
        """Cancel what still runs and wait for it, at most ``timeout_s`` seconds."""
        self._is_closed = True
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        _, pending = await asyncio.wait(tasks, timeout=timeout_s)
        for task in pending:
            _log.error("a task does not end", extra={"task": task.get_name()})

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        # Expected errors are the awaiter's to tell; the others are faults of ours.
        if error is not None and not isinstance(error, SlateError):
            _log.error("a task failed", exc_info=error, extra={"task": task.get_name()})
