"""A work queue inside one process, with the broker's rules, for tests."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping

from slate_desktop.bus.checks import check_headers, check_subject
from slate_desktop.bus.queue import DUPLICATE_WINDOW_S, MAX_MESSAGE_BYTES, QueueSpec
from slate_desktop.errors import AgentOfflineError, CommandError, ErrorCode, NotConnectedError


class _Stored:
    """A message of the stream; ``due_s`` is when it may be handed out again."""

    def __init__(self, subject: str, data: bytes, headers: dict[str, str]) -> None:
        self.subject = subject
        self.data = data
        self.headers = headers
        self.deliveries = 0
        self.due_s = 0.0


class MemoryStream:
    """One stream that several ``MemoryQueue`` share, as workers share a broker."""

    def __init__(self, spec: QueueSpec, clock: Callable[[], float] = time.monotonic) -> None:
        self.spec = spec
        self.clock = clock
        self.is_up = True
        self.exists = False
        self.changed = asyncio.Condition()
        self._messages: dict[int, _Stored] = {}
        self._seen: dict[str, float] = {}
        self._numbers = itertools.count(1)

    def check(self) -> None:
        """Raise as a client of a broker in this state would."""
        if not self.is_up:
            raise NotConnectedError("The broker is away.")
        if not self.exists:
            raise AgentOfflineError("There is no such stream.")

    def forget_ids(self) -> None:
        """Behave like a broker that was restarted: it knows no message ids any more."""
        self._seen.clear()

    def wipe(self) -> None:
        """Behave like a broker that lost its store."""
        self._messages.clear()
        self._seen.clear()
        self.exists = False

    async def add(self, message: _Stored, message_id: str) -> bool:
        """Store a message unless its id is known."""
        now = self.clock()
        if now - self._seen.get(message_id, -DUPLICATE_WINDOW_S - 1) < DUPLICATE_WINDOW_S:
            return False
        self._seen[message_id] = now
        self._messages[next(self._numbers)] = message
        await self.notify()
        return True

    def take(self, subject: str) -> tuple[int, _Stored] | None:
        """Hand out the oldest message that is due."""
        now = self.clock()
        for number, message in self._messages.items():
            if message.subject == subject and message.due_s <= now:
                message.deliveries += 1
                message.due_s = now + self.spec.ack_wait_s
                return number, message
        return None

    def settle(self, number: int, *, keep_for_s: float | None) -> None:
        """Drop a message (None), or hand it out again after a while."""
        self.check()
        message = self._messages.get(number)
        if message is None:
            return
        if keep_for_s is None:
            del self._messages[number]
        else:
            message.due_s = self.clock() + keep_for_s

    async def notify(self) -> None:
        """Wake who waits for a message."""
        async with self.changed:
            self.changed.notify_all()

    def count(self, subject: str) -> int:
        """Return how many messages of a subject are kept."""
        return sum(message.subject == subject for message in self._messages.values())


class _Delivery:
    """A message in a worker's hand."""

    def __init__(self, stream: MemoryStream, number: int, message: _Stored) -> None:
        self._stream = stream
        self._number = number
        self.subject = message.subject
        self.data = message.data
        self.headers: Mapping[str, str] = dict(message.headers)
        self.deliveries = message.deliveries

    async def ack(self) -> None:
        self._stream.settle(self._number, keep_for_s=None)

    async def nak(self, delay_s: float = 0.0) -> None:
        self._stream.settle(self._number, keep_for_s=delay_s)
        await self._stream.notify()

    async def term(self) -> None:
        self._stream.settle(self._number, keep_for_s=None)

    async def in_progress(self) -> None:
        self._stream.settle(self._number, keep_for_s=self._stream.spec.ack_wait_s)


class MemoryQueue:
    """``bus.queue.WorkQueue`` without a broker."""

    _POLL_S = 0.02

    def __init__(self, stream: MemoryStream) -> None:
        self.stream = stream

    @property
    def spec(self) -> QueueSpec:
        """What it is."""
        return self.stream.spec

    async def ensure(self) -> None:
        """Make the stream; see ``bus.queue.WorkQueue.ensure``."""
        if not self.stream.is_up:
            raise NotConnectedError("The broker is away.")
        self.stream.exists = True

    async def publish(
        self,
        kind: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        message_id: str,
    ) -> bool:
        """Store a message; see ``bus.queue.WorkQueue.publish``."""
        subject = self.spec.subject(kind)
        check_subject(subject)
        check_headers(headers)
        self.stream.check()
        if len(data) > MAX_MESSAGE_BYTES:
            raise CommandError(ErrorCode.TOO_LARGE, "The message is too large for the queue.")
        return await self.stream.add(_Stored(subject, data, dict(headers or {})), message_id)

    async def fetch(self, kind: str, *, timeout_s: float) -> _Delivery | None:
        """Take the next message; see ``bus.queue.WorkQueue.fetch``."""
        subject = self.spec.subject(kind)
        end_s = asyncio.get_running_loop().time() + timeout_s
        while True:
            self.stream.check()
            taken = self.stream.take(subject)
            if taken is not None:
                return _Delivery(self.stream, *taken)
            left_s = end_s - asyncio.get_running_loop().time()
            if left_s <= 0:
                return None
            # Delays end by the clock, which tells nobody.
            try:
                async with asyncio.timeout(min(left_s, self._POLL_S)), self.stream.changed:
                    await self.stream.changed.wait()
            except TimeoutError:
                continue

    async def depth(self, kind: str) -> int:
        """Return how many messages wait or are held; see ``bus.queue.WorkQueue.depth``."""
        self.stream.check()
        return self.stream.count(self.spec.subject(kind))

    async def aclose(self) -> None:
        """Nothing is kept here."""
