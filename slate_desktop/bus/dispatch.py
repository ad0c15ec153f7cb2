"""Runs the handlers of one subscription: bounded queue, bounded concurrency, no exception escapes.

Both buses use it, so that a handler meets the same conditions on either.
"""

from __future__ import annotations

import asyncio
import logging

from slate_desktop.bus.port import Handler, Message

logger = logging.getLogger(__name__)

MAX_QUEUED_MESSAGES = 65_536
MAX_QUEUED_BYTES = 64 * 1024 * 1024


class Dispatcher:
    """Hands messages to ``handler``, at most ``concurrency`` at once; 1 keeps their order.

    What arrives while the queue is full is dropped, counted in ``dropped`` and logged once per
    overflow: delivery on the bus is at most once.
    """

    def __init__(self, subject: str, handler: Handler, concurrency: int) -> None:
        self.subject = subject
        self.dropped = 0
        self._handler = handler
        self._concurrency = max(1, concurrency)
        self._queue: asyncio.Queue[Message] = asyncio.Queue(MAX_QUEUED_MESSAGES)
        self._queued_bytes = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._idle_workers = 0
        self._is_overflowing = False
        self._is_closed = False

    def offer(self, message: Message) -> None:
        """Queue ``message``; never waits and never raises."""
        if self._is_closed:
            return
        size = len(message.data)
        if self._queue.full() or self._queued_bytes + size > MAX_QUEUED_BYTES:
            self._drop()
            return
        self._queue.put_nowait(message)
        self._queued_bytes += size
        if self._queue.qsize() > self._idle_workers and len(self._workers) < self._concurrency:
            self._start_worker()

    async def aclose(self, grace_s: float = 1.0) -> None:
        """Take no more messages, give running handlers ``grace_s``, then cancel them."""
        self._is_closed = True
        current = asyncio.current_task()
        others = {task for task in self._workers if task is not current}
        if others and (self._queue.qsize() or self._idle_workers < len(self._workers)):
            waiting = asyncio.ensure_future(self._queue.join())
            await asyncio.wait({waiting}, timeout=grace_s if current not in self._workers else 0)
            waiting.cancel()
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=1.0)

    def _start_worker(self) -> None:
        task = asyncio.create_task(self._work(), name=f"bus-handler:{self.subject}")
        self._workers.add(task)
        task.add_done_callback(self._workers.discard)

    def _drop(self) -> None:
        self.dropped += 1
        if not self._is_overflowing:
            self._is_overflowing = True
            logger.warning("messages dropped: handler too slow", extra={"subject": self.subject})

    async def _work(self) -> None:
        while True:
            self._idle_workers += 1
            try:
                message = await self._queue.get()
            finally:
                self._idle_workers -= 1
            self._queued_bytes -= len(message.data)
            if self._queue.empty():
                self._is_overflowing = False
            try:
                await self._handler(message)
            except Exception:
                logger.exception("message handler failed", extra={"subject": message.subject})
            finally:
                self._queue.task_done()
