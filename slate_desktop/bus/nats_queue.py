"""A work queue on JetStream: plain requests to its API over the one supervised connection.

Source: https://docs.nats.io/reference/reference-protocols/nats_api_reference
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from slate_desktop.bus.jetstream_api import ask_api, code_of, read_answer
from slate_desktop.bus.port import Bus, ConnectionState, Message, Subscription
from slate_desktop.bus.queue import (
    DUPLICATE_WINDOW_S,
    MAX_MESSAGE_BYTES,
    MAX_QUEUE_BYTES,
    QueueSpec,
)
from slate_desktop.errors import (
    AgentOfflineError,
    CommandError,
    EnvironmentFaultError,
    ErrorCode,
    NotConnectedError,
    SlateError,
)

_API_TIMEOUT_S = 5.0
# Beyond the broker's own limit, so that its answer to an empty fetch still finds somebody.
_FETCH_RESERVE_S = 2.0
_NS = 1_000_000_000
# https://github.com/nats-io/nats-server/blob/main/server/errors.json
_STREAM_EXISTS = 10058
_STREAM_NOT_FOUND = 10059
_MESSAGE_TOO_LARGE = 10054
_NO_RESPONDERS = "503"
_NOTHING_HERE = {"404", "408", "409"}


class _Delivery:
    """A message in a worker's hand; acknowledgements go to its reply subject."""

    def __init__(self, bus: Bus, message: Message) -> None:
        self._bus = bus
        self._reply = message.reply
        self.subject = message.subject
        self.data = message.data
        self.headers: Mapping[str, str] = message.headers
        self.deliveries = _delivery_count(message.reply)

    async def ack(self) -> None:
        await self._bus.request(self._reply, b"+ACK", timeout_s=_API_TIMEOUT_S)

    async def nak(self, delay_s: float = 0.0) -> None:
        delay = b" " + json.dumps({"delay": int(delay_s * _NS)}).encode() if delay_s else b""
        await self._bus.publish(self._reply, b"-NAK" + delay)

    async def term(self) -> None:
        await self._bus.publish(self._reply, b"+TERM")

    async def in_progress(self) -> None:
        await self._bus.publish(self._reply, b"+WPI")


class _Inbox:
    """Where the broker sends what one fetch asked for.

    A message of a stream keeps its own subject, so that nothing but the subscription tells which
    fetch it answers: there is one per type, for one fetch at a time.
    """

    def __init__(self, bus: Bus) -> None:
        self.subject = f"{bus.inbox_prefix}.{secrets.token_hex(8)}"
        self._bus = bus
        # None tells whoever waits that nothing will come.
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()
        self._is_awaited = False
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        self._subscription = await self._bus.subscribe(self.subject, self._messages.put)

    async def next(self, timeout_s: float) -> Message | None:
        self._is_awaited = True
        try:
            async with asyncio.timeout(timeout_s):
                return await self._messages.get()
        except TimeoutError:
            return None
        finally:
            self._is_awaited = False

    def give_up(self) -> None:
        """End a wait; the next one must not find that, it would leave what it had asked for."""
        if self._is_awaited:
            self._messages.put_nowait(None)

    async def close(self) -> None:
        """End it, and give back what came and reached nobody."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()
        while not self._messages.empty():
            message = self._messages.get_nowait()
            if message is not None and message.reply and "Status" not in message.headers:
                with contextlib.suppress(SlateError):
                    await self._bus.publish(message.reply, b"-NAK")


class NatsQueue:
    """``bus.queue.WorkQueue`` on a NATS server with JetStream.

    Args:
        bus: the way to the broker.
        spec: what the queue is.
        replicas: on how many brokers of a cluster a stream is that is not there yet.
    """

    def __init__(self, bus: Bus, spec: QueueSpec, *, replicas: int = 1) -> None:
        self.spec = spec
        self._replicas = replicas
        self._bus = bus
        self._inboxes: dict[str, _Inbox] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._stop_listening: Callable[[], None] | None = None

    async def ensure(self) -> None:
        """Make the stream and its consumers; see ``bus.queue.WorkQueue.ensure``."""
        spec = self.spec
        known = await self._api(f"STREAM.INFO.{spec.stream}", {})
        if code_of(known) == _STREAM_NOT_FOUND:
            made = await self._api(
                f"STREAM.CREATE.{spec.stream}", _stream_config(spec, self._replicas)
            )
            # Another agent may have made it meanwhile.
            if code_of(made) not in (None, _STREAM_EXISTS):
                raise _refused(made)
        elif code_of(known) is not None:
            raise _refused(known)
        for kind in spec.types:
            # The action is idempotent: an equal consumer that exists is left alone.
            answer = await self._api(
                f"CONSUMER.CREATE.{spec.stream}.{kind}.{spec.subject(kind)}",
                {"stream_name": spec.stream, "config": _consumer_config(spec, kind)},
            )
            if code_of(answer) is not None:
                raise _refused(answer)

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
        if len(data) > MAX_MESSAGE_BYTES:
            raise CommandError(ErrorCode.TOO_LARGE, "The message is too large for the queue.")
        all_headers = {**(headers or {}), "Nats-Msg-Id": message_id}
        reply = await self._bus.request(
            subject, data, headers=all_headers, timeout_s=_API_TIMEOUT_S
        )
        answer = read_answer(reply.data)
        if code_of(answer) == _MESSAGE_TOO_LARGE:
            raise CommandError(ErrorCode.TOO_LARGE, "The message is too large for the queue.")
        if code_of(answer) is not None:
            raise _refused(answer)
        return not answer.get("duplicate", False)

    async def fetch(self, kind: str, *, timeout_s: float) -> _Delivery | None:
        """Take the next message; see ``bus.queue.WorkQueue.fetch``."""
        async with self._locks.setdefault(kind, asyncio.Lock()):
            inbox = await self._inbox(kind)
            is_answered = False
            try:
                await self._bus.publish(
                    f"$JS.API.CONSUMER.MSG.NEXT.{self.spec.stream}.{self._name(kind)}",
                    json.dumps({"batch": 1, "expires": int(timeout_s * _NS)}).encode(),
                    reply=inbox.subject,
                )
                message = await inbox.next(timeout_s + _FETCH_RESERVE_S)
                is_answered = message is not None
            finally:
                # An answer that comes later must not be taken for the next one's.
                if not is_answered:
                    self._inboxes.pop(kind, None)
                    await asyncio.shield(inbox.close())
        return None if message is None else self._take(message)

    def _take(self, message: Message) -> _Delivery | None:
        status = message.headers.get("Status")
        if status is None or message.data:
            return _Delivery(self._bus, message)
        reason = message.headers.get("Description", "")
        if status == _NO_RESPONDERS or "deleted" in reason.lower():
            raise AgentOfflineError("The broker has no such queue.")
        if status in _NOTHING_HERE:
            return None
        raise EnvironmentFaultError(f"The broker refuses to hand out work: {reason}.")

    async def _inbox(self, kind: str) -> _Inbox:
        inbox = self._inboxes.get(kind)
        if inbox is None:
            if self._stop_listening is None:
                self._stop_listening = self._bus.on_state(self._on_state)
            inbox = _Inbox(self._bus)
            await inbox.open()
            self._inboxes[kind] = inbox
        return inbox

    def _on_state(self, state: ConnectionState) -> None:
        """Ask anew after an interruption: the broker has forgotten who waits."""
        if state is ConnectionState.CONNECTED:
            for inbox in self._inboxes.values():
                inbox.give_up()

    def _name(self, kind: str) -> str:
        self.spec.subject(kind)
        return kind

    async def depth(self, kind: str) -> int:
        """Return how many messages wait or are held; see ``bus.queue.WorkQueue.depth``."""
        answer = await self._api(f"CONSUMER.INFO.{self.spec.stream}.{kind}", {})
        if code_of(answer) is not None:
            raise _refused(answer)
        return int(answer.get("num_pending", 0)) + int(answer.get("num_ack_pending", 0))

    async def aclose(self) -> None:
        """Give back what was fetched and reached nobody."""
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        inboxes = list(self._inboxes.values())
        self._inboxes.clear()
        for inbox in inboxes:
            await inbox.close()

    async def _api(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(body).encode() if body else b""
        try:
            reply = await ask_api(self._bus, call, data, timeout_s=_API_TIMEOUT_S)
        except AgentOfflineError as exc:
            raise EnvironmentFaultError(
                "The broker has no JetStream.", hint="Start nats-server with JetStream on."
            ) from exc
        except TimeoutError as exc:
            raise NotConnectedError("The broker does not answer in time.") from exc
        return read_answer(reply.data)


def _stream_config(spec: QueueSpec, replicas: int) -> dict[str, Any]:
    return {
        "name": spec.stream,
        "subjects": [spec.pattern],
        "retention": "workqueue",
        "storage": "file",
        "discard": "new",
        "max_bytes": MAX_QUEUE_BYTES,
        "max_msg_size": MAX_MESSAGE_BYTES,
        "max_msgs": -1,
        "max_age": 0,
        "num_replicas": replicas,
        "duplicate_window": int(DUPLICATE_WINDOW_S * _NS),
    }


def _consumer_config(spec: QueueSpec, kind: str) -> dict[str, Any]:
    return {
        "name": kind,
        "durable_name": kind,
        "filter_subject": spec.subject(kind),
        "ack_policy": "explicit",
        "ack_wait": int(spec.ack_wait_s * _NS),
        # Attempts are counted in the database: here nothing is ever given up.
        "max_deliver": -1,
        "max_ack_pending": spec.max_ack_pending,
        "deliver_policy": "all",
        "replay_policy": "instant",
    }


def _refused(answer: dict[str, Any]) -> EnvironmentFaultError:
    reason = answer["error"].get("description", "no reason given")
    return EnvironmentFaultError(
        f"The broker's queue does not work: {reason}.",
        hint="Look at the space on the broker's disk and at its log.",
    )


def _delivery_count(reply: str) -> int:
    # $JS.ACK.<stream>.<consumer>.<delivered>.…; with domain and account two tokens more.
    tokens = reply.split(".")
    index = 4 if len(tokens) == 9 else 6
    try:
        return int(tokens[index])
    except (IndexError, ValueError):
        return 1
