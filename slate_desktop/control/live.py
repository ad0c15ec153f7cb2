"""What all live models share: owned tasks, guarded errors, coalesced re-reading."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from slate_desktop.bus.port import Subscription
from slate_desktop.errors import SlateError

logger = logging.getLogger(__name__)


class Lifetime:
    """Tasks, subscriptions and listeners of one model, ended together."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: list[Callable[[], None]] = []
        self._subscriptions: list[Subscription] = []
        self.is_closed = False

    def spawn(self, coro: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a coroutine until it ends or the model is closed; its failure is logged."""
        task = asyncio.create_task(coro, name=f"{self._name}.{name}")
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def own(self, thing: Subscription | Callable[[], None]) -> None:
        """End this too."""
        if callable(thing):
            self._ends.append(thing)
        else:
            self._subscriptions.append(thing)

    async def aclose(self) -> None:
        """End everything."""
        self.is_closed = True
        ends, self._ends = self._ends, []
        for end in ends:
            end()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)  # what went wrong in them is logged as they end
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            with contextlib.suppress(SlateError):
                await subscription.unsubscribe()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a live model's task failed", exc_info=error, extra={"task": task})


class Rereading:
    """Runs ``read`` when asked, once at a time; asking meanwhile means once more afterwards.

    Failures are told to ``on_error`` and tried again every ``retry_s``; a success tells None.
    """

    def __init__(
        self,
        lifetime: Lifetime,
        read: Callable[[], Awaitable[None]],
        on_error: Callable[[SlateError | None], None],
        *,
        every_s: float = 30.0,
        retry_s: float = 3.0,
    ) -> None:
        self._read = read
        self._on_error = on_error
        self._every_s = every_s
        self._retry_s = retry_s
        self._wanted = asyncio.Event()
        self._has_failed = False
        lifetime.spawn(self._run(), "reread")

    def ask(self) -> None:
        """Read soon."""
        self._wanted.set()

    async def _run(self) -> None:
        while True:
            limit_s = self._retry_s if self._has_failed else self._every_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._look()
            except Exception:
                # A fault of ours, or of who listens: the next reading may well succeed.
                self._has_failed = True
                logger.exception("a live model could not be read again")

    async def _look(self) -> None:
        try:
            await self._read()
        except SlateError as exc:
            self._has_failed = True
            self._on_error(exc)
        else:
            if self._has_failed:
                self._has_failed = False
                self._on_error(None)
