"""Buses that sign what an agent says, and that believe only what an agent signed.

``SigningBus`` is an agent's: every event and answer leaves with its signature. ``VerifiedBus`` is a
client's: answers to signed requests, and events on ``slate.…``, reach it only with the signature of
an agent that the database names. What is not of agents (the broker's own API, objects) passes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from slate_desktop.bus.port import Bus, ConnectionState, Handler, Message, Subscription
from slate_desktop.errors import CommandError, ForgedReplyError
from slate_desktop.wire.attest import (
    MAX_EVENT_AGE_MS,
    MAX_SET,
    EventOrder,
    check_event,
    check_reply,
    nonce_of,
    sign_event,
    sign_events,
    sign_reply,
)
from slate_desktop.wire.envelope import (
    AUDIENCE_ANY,
    AUDIENCE_JOBS,
    H_AUDIENCE,
    H_REPLAYED,
    H_SIGNATURE,
)
from slate_desktop.wire.keys import SigningKey

logger = logging.getLogger(__name__)
_EVENTS = "slate."
_HEARTBEAT = ("slate", "agent")


class AgentKeys(Protocol):
    """Whose keys are agents'."""

    async def agent_of(self, key: str) -> str | None:
        """Return the agent with this key, None where there is none."""
        ...


class _Around:
    """A bus around another one: what is not changed passes through."""

    def __init__(self, inner: Bus) -> None:
        self.inner = inner

    @property
    def state(self) -> ConnectionState:
        """See ``Bus``."""
        return self.inner.state

    @property
    def inbox_prefix(self) -> str:
        """See ``Bus``."""
        return self.inner.inbox_prefix

    @property
    def url(self) -> str:
        """Where the broker is, empty where that is not known."""
        return str(getattr(self.inner, "url", ""))

    @property
    def reason(self) -> str:
        """Why there is no connection."""
        return str(getattr(self.inner, "reason", ""))

    async def flush(self, timeout_s: float = 2.0) -> None:
        """Wait until the broker has what was sent; a bus in memory has it at once."""
        flush = getattr(self.inner, "flush", None)
        if flush is not None:
            await flush(timeout_s)

    async def publish(
        self,
        subject: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        reply: str = "",
    ) -> None:
        """See ``Bus``."""
        await self.inner.publish(subject, data, headers=headers, reply=reply)

    async def publish_all(self, events: Sequence[tuple[str, bytes]]) -> None:
        """See ``Bus``."""
        for subject, data in events:
            await self.publish(subject, data)

    async def request(
        self,
        subject: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 3.0,
    ) -> Message:
        """See ``Bus``."""
        return await self.inner.request(subject, data, headers=headers, timeout_s=timeout_s)

    async def subscribe(
        self, subject: str, handler: Handler, *, queue: str = "", concurrency: int = 1
    ) -> Subscription:
        """See ``Bus``."""
        return await self.inner.subscribe(subject, handler, queue=queue, concurrency=concurrency)

    async def respond(
        self, message: Message, data: bytes, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """See ``Bus``."""
        await self.inner.respond(message, data, headers=headers)

    def on_state(self, callback: Callable[[ConnectionState], None]) -> Callable[[], None]:
        """See ``Bus``."""
        return self.inner.on_state(callback)

    async def aclose(self) -> None:
        """See ``Bus``."""
        await self.inner.aclose()


class SigningBus(_Around):
    """An agent's bus.

    Args:
        inner: the connection.
        key: the agent's.
        first_sequence: the number of its first event.
        clock_ms: UTC milliseconds, for tests.
    """

    def __init__(
        self,
        inner: Bus,
        key: SigningKey,
        *,
        first_sequence: int = 1,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        super().__init__(inner)
        # Of the agent process, once it is registered; nothing is told before that.
        self.epoch = 0
        self._key = key
        self._clock_ms = clock_ms
        self._next_sequence = first_sequence

    async def publish(
        self,
        subject: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        reply: str = "",
    ) -> None:
        """See ``Bus``; an event gets a signature, a job keeps its user's."""
        if subject.startswith(_EVENTS) and H_SIGNATURE not in (headers or {}):
            signed = sign_event(
                self._key,
                subject,
                data,
                epoch=self.epoch,
                sequence=self._take_sequence(1),
                now_ms=self._clock_ms(),
            )
            headers = {**(headers or {}), **signed}
        await super().publish(subject, data, headers=headers, reply=reply)

    async def publish_all(self, events: Sequence[tuple[str, bytes]]) -> None:
        """See ``Bus``; events share signatures, which costs both sides less than one for each."""
        for part in (events[at : at + MAX_SET] for at in range(0, len(events), MAX_SET)):
            signed = sign_events(
                self._key,
                part,
                epoch=self.epoch,
                first_sequence=self._take_sequence(len(part)),
                now_ms=self._clock_ms(),
            )
            for (subject, data), headers in zip(part, signed, strict=True):
                await super().publish(subject, data, headers=headers)

    async def respond(
        self, message: Message, data: bytes, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """See ``Bus``; an answer to a signed request is signed."""
        nonce = nonce_of(message.headers)
        if nonce:
            replayed = H_REPLAYED in (headers or {})
            headers = sign_reply(
                self._key, message.subject, nonce, data, now_ms=self._clock_ms(), replayed=replayed
            )
        await super().respond(message, data, headers=headers)

    def _take_sequence(self, count: int) -> int:
        first, self._next_sequence = self._next_sequence, self._next_sequence + count
        return first


class VerifiedBus(_Around):
    """A client's bus.

    Args:
        inner: the connection.
        keys: whose keys are agents'.
        clock_ms: UTC milliseconds, for tests.
    """

    def __init__(
        self,
        inner: Bus,
        keys: AgentKeys,
        *,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        super().__init__(inner)
        self.refused_events = 0
        self._keys = keys
        self._clock_ms = clock_ms
        self._is_refusing = False

    async def request(
        self,
        subject: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 3.0,
    ) -> Message:
        """See ``Bus``; the answer to a signed request is an agent's.

        A job is no request: what answers it is the broker, which says that it has stored it.

        Raises:
            ForgedReplyError: it is not signed by the agent that was asked.
        """
        answer = await super().request(subject, data, headers=headers, timeout_s=timeout_s)
        nonce, audience = nonce_of(headers), (headers or {}).get(H_AUDIENCE, "")
        if nonce and audience != AUDIENCE_JOBS and subject.startswith(_EVENTS):
            await self._check_answer(subject, nonce, audience, answer)
        return answer

    async def subscribe(
        self, subject: str, handler: Handler, *, queue: str = "", concurrency: int = 1
    ) -> Subscription:
        """See ``Bus``; events that no agent signed are dropped."""
        if not subject.startswith(_EVENTS):
            return await super().subscribe(subject, handler, queue=queue, concurrency=concurrency)
        # Of this subscription: the same event comes once to each that wants it.
        order = EventOrder()

        async def checked(message: Message) -> None:
            if await self._is_believed(message, order):
                await handler(message)

        return await super().subscribe(subject, checked, queue=queue, concurrency=concurrency)

    async def _check_answer(self, subject: str, nonce: str, audience: str, answer: Message) -> None:
        who = "an agent" if audience == AUDIENCE_ANY else f"the agent {audience}"
        try:
            key = check_reply(subject, nonce, answer.headers, answer.data)
        except CommandError as error:
            raise ForgedReplyError(
                f"The answer is not signed by {who}, and is not believed: {error.message}."
            ) from error
        agent = await self._keys.agent_of(key)
        if agent is None or audience not in (AUDIENCE_ANY, agent):
            raise ForgedReplyError(
                f"The answer is signed by {agent or 'a key that no agent has'},"
                f" not by {who}, and is not believed."
            )

    async def _is_believed(self, message: Message, order: EventOrder) -> bool:
        try:
            stamp = check_event(message.subject, message.headers, message.data)
        except CommandError as error:
            return self._refuse(message, error.message)
        agent = await self._keys.agent_of(stamp.key)
        if agent is None:
            return self._refuse(message, "no agent has its key")
        parts = message.subject.split(".")
        if tuple(parts[:2]) == _HEARTBEAT and parts[2:3] != [agent]:
            return self._refuse(message, "it is another agent's heartbeat")
        if abs(self._clock_ms() - stamp.issued_ms) > MAX_EVENT_AGE_MS:
            return self._refuse(message, "it is too old, or a clock is wrong")
        if not order.is_new(message.subject, stamp):
            return self._refuse(message, "it came before")
        self._is_refusing = False
        return True

    def _refuse(self, message: Message, reason: str) -> bool:
        self.refused_events += 1
        if not self._is_refusing:
            self._is_refusing = True
            logger.warning(
                "an event is not believed", extra={"subject": message.subject, "reason": reason}
            )
        return False
