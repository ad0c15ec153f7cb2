"""The bus inside one process, for tests and for scripts that need no server.

Several buses on one ``MemoryBroker`` see each other as clients of one NATS server do: queue groups,
wildcards, permissions, "no responders", size limits, and a broker that can go away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence

from slate_desktop.bus import permissions as rules
from slate_desktop.bus.checks import (
    DEFAULT_MAX_PAYLOAD,
    check_headers,
    check_size,
    check_subject,
)
from slate_desktop.bus.dispatch import Dispatcher
from slate_desktop.bus.permissions import Permissions
from slate_desktop.bus.port import ConnectionState, Handler, Message
from slate_desktop.bus.states import ConnectionStates
from slate_desktop.errors import AgentOfflineError, DeniedError, NotConnectedError

logger = logging.getLogger(__name__)


class _Subscription:
    """One subscription of one bus."""

    def __init__(self, bus: MemoryBus, subject: str, queue: str, dispatcher: Dispatcher) -> None:
        self.bus = bus
        self.subject = subject
        self.queue = queue
        self.dispatcher = dispatcher

    async def unsubscribe(self) -> None:
        """End it; messages that are under way may still be handled."""
        self.bus.broker.remove(self)
        await self.dispatcher.aclose()


class MemoryBroker:
    """Routes messages between the buses that were made with it."""

    def __init__(self) -> None:
        self._subscriptions: list[_Subscription] = []
        self._buses: list[MemoryBus] = []
        self._turn = 0
        self.is_up = True

    def add_bus(self, bus: MemoryBus) -> None:
        """Let ``bus`` hear when the broker goes away."""
        self._buses.append(bus)

    def add(self, subscription: _Subscription) -> None:
        """Start delivering to ``subscription``."""
        self._subscriptions.append(subscription)

    def remove(self, subscription: _Subscription) -> None:
        """Stop delivering to ``subscription``."""
        with contextlib.suppress(ValueError):
            self._subscriptions.remove(subscription)

    def remove_bus(self, bus: MemoryBus) -> list[_Subscription]:
        """Forget ``bus`` and return the subscriptions that it had."""
        mine = [entry for entry in self._subscriptions if entry.bus is bus]
        self._subscriptions = [entry for entry in self._subscriptions if entry.bus is not bus]
        with contextlib.suppress(ValueError):
            self._buses.remove(bus)
        return mine

    def go_down(self) -> None:
        """Behave like a broker that was killed."""
        self.is_up = False
        for bus in list(self._buses):
            bus.set_state(ConnectionState.RECONNECTING)

    def come_up(self) -> None:
        """Behave like a broker that is back; subscriptions are as before."""
        self.is_up = True
        for bus in list(self._buses):
            bus.set_state(ConnectionState.CONNECTED)

    def deliver(self, message: Message) -> int:
        """Hand ``message`` to every subscriber, and to one of each queue group."""
        groups: dict[tuple[str, str], list[_Subscription]] = {}
        count = 0
        for entry in self._subscriptions:
            if not rules.matches(entry.subject, message.subject):
                continue
            if entry.queue:
                groups.setdefault((entry.queue, entry.subject), []).append(entry)
                continue
            entry.dispatcher.offer(message)
            count += 1
        self._turn += 1
        for members in groups.values():
            members[self._turn % len(members)].dispatcher.offer(message)
            count += 1
        return count


class MemoryBus:
    """``bus.port.Bus`` without a network."""

    def __init__(
        self,
        broker: MemoryBroker | None = None,
        *,
        public_key: str = "",
        permissions: Permissions | None = None,
        max_payload: int = DEFAULT_MAX_PAYLOAD,
    ) -> None:
        """Join ``broker`` (a new one if None) as the user with ``public_key``.

        Without ``permissions`` everything is allowed.
        """
        self.broker = broker or MemoryBroker()
        self._public_key = public_key or f"U{secrets.token_hex(16).upper()}"
        self._permissions = permissions
        self._max_payload = max_payload
        self._states = ConnectionStates(ConnectionState.CONNECTED)
        # Reply subjects that were received, and may be answered where `responses` allows it.
        self._answerable: dict[str, int] = {}
        self.broker.add_bus(self)

    @property
    def state(self) -> ConnectionState:
        """The state now."""
        return self._states.now

    @property
    def inbox_prefix(self) -> str:
        """The prefix of this connection's reply subjects."""
        return rules.inbox_prefix(self._public_key)

    def on_state(self, callback: Callable[[ConnectionState], None]) -> Callable[[], None]:
        """Call ``callback`` at every change of state; returns a function that ends it."""
        return self._states.listen(callback)

    async def publish(
        self,
        subject: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        reply: str = "",
    ) -> None:
        """Send without waiting for an answer; see ``bus.port.Bus.publish``."""
        check_subject(subject)
        if reply:
            check_subject(reply)
        self._send(Message(subject=subject, data=data, reply=reply, headers=dict(headers or {})))
        await asyncio.sleep(0)

    async def publish_all(self, events: Sequence[tuple[str, bytes]]) -> None:
        """Send several messages; see ``bus.port.Bus.publish_all``."""
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
        """Send and wait for one answer; see ``bus.port.Bus.request``."""
        check_subject(subject)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        async def on_answer(message: Message) -> None:
            if not answer.done():
                answer.set_result(message)

        inbox = f"{self.inbox_prefix}.{secrets.token_hex(8)}.{secrets.token_hex(8)}"
        entry = _Subscription(self, inbox, "", Dispatcher(inbox, on_answer, 1))
        self.broker.add(entry)
        message = Message(subject=subject, data=data, reply=inbox, headers=dict(headers or {}))
        try:
            is_allowed, receivers = self._send(message)
            if not is_allowed:
                raise DeniedError(f"The broker does not let this user send to {subject}.")
            if not receivers:
                raise AgentOfflineError(
                    "No agent answers.",
                    hint="Start one with `slate agent`, or wait until it is back.",
                )
            async with asyncio.timeout(timeout_s):
                return await answer
        finally:
            await entry.unsubscribe()

    async def subscribe(
        self, subject: str, handler: Handler, *, queue: str = "", concurrency: int = 1
    ) -> _Subscription:
        """Run ``handler`` for each message; see ``bus.port.Bus.subscribe``.

        Raises:
            DeniedError: the permissions refuse it.
        """
        check_subject(subject, is_wildcard_allowed=True)
        if self._permissions is not None and not self._permissions.can_subscribe(subject):
            raise DeniedError(f"The broker does not let this user hear {subject}.")

        async def remember_and_handle(message: Message) -> None:
            if message.reply and self._permissions is not None and self._permissions.responses:
                self._answerable[message.reply] = self._permissions.responses
            await handler(message)

        entry = _Subscription(
            self, subject, queue, Dispatcher(subject, remember_and_handle, concurrency)
        )
        self.broker.add(entry)
        await asyncio.sleep(0)
        return entry

    async def respond(
        self, message: Message, data: bytes, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer a request; the caller has checked ``message.reply`` first."""
        if message.reply:
            check_subject(message.reply)
            self._send(Message(subject=message.reply, data=data, headers=dict(headers or {})))
        await asyncio.sleep(0)

    async def aclose(self) -> None:
        """Unsubscribe and close."""
        mine = self.broker.remove_bus(self)
        await asyncio.gather(*(entry.dispatcher.aclose(0.5) for entry in mine))
        self.set_state(ConnectionState.CLOSED)

    def set_state(self, state: ConnectionState) -> None:
        """Change the state and tell the listeners; the broker calls it."""
        if self._states.now is not ConnectionState.CLOSED:
            self._states.set(state)

    def _send(self, message: Message) -> tuple[bool, int]:
        check_headers(message.headers)
        if self._states.now is not ConnectionState.CONNECTED:
            raise NotConnectedError("The broker is away.")
        check_size(message.data, message.headers, self._max_payload)
        if not self._may_publish(message.subject):
            logger.warning("broker refused", extra={"subject": message.subject})
            return False, 0
        return True, self.broker.deliver(message)

    def _may_publish(self, subject: str) -> bool:
        if self._permissions is None or self._permissions.can_publish(subject):
            return True
        left = self._answerable.get(subject, 0)
        if left > 1:
            self._answerable[subject] = left - 1
        elif left:
            del self._answerable[subject]
        return left > 0
