"""Coroutines that the window starts: each with an owner, a name and an end.

Owns the set of running tasks. A task whose owner (a QObject) is destroyed is cancelled; one that
fails is reported at once, never at garbage collection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject

log = logging.getLogger(__name__)


class TaskGroupOwner:
    """Keeps the window's tasks.

    Args:
        on_error: told of every exception that a task did not handle itself, with the task's name.
    """

    def __init__(self, on_error: Callable[[BaseException, str], None]) -> None:
        self._on_error = on_error
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    @property
    def names(self) -> list[str]:
        """The names of the running tasks."""
        return sorted(task.get_name() for task in self._tasks)

    def spawn(
        self, coro: Coroutine[Any, Any, Any], name: str, owner: QObject | None = None
    ) -> asyncio.Task[Any] | None:
        """Run ``coro`` until it ends, the owner is destroyed, or the window closes."""
        if self._is_closed:
            coro.close()
            return None
        task = asyncio.get_running_loop().create_task(coro, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        if owner is not None:
            # Taken away with the task: an owner such as the window outlives thousands of them.
            connection = owner.destroyed.connect(lambda *_: task.cancel())
            task.add_done_callback(lambda _: QObject.disconnect(connection))
        return task

    async def aclose(self, timeout_s: float = 3.0) -> None:
        """Cancel what runs and wait for it; nothing new starts afterwards."""
        self._is_closed = True
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        if tasks:
            _done, late = await asyncio.wait(tasks, timeout=timeout_s)
            for task in late:
                log.warning("a task did not end in time", extra={"task": task.get_name()})

    def _on_task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._on_error(error, task.get_name())
