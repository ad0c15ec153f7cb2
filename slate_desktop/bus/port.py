"""The bus as the rest of the program sees it: bytes on subjects, request-reply, connection state.

Handlers are coroutines; one that raises is logged and never harms the connection. Delivery is at
most once: what matters is read from the database.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec


class ConnectionState(StrEnum):
    """State of the connection to the broker, as the lamp shows it."""

    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    CLOSED = "closed"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message that arrived. ``reply`` is empty where no answer is wanted."""

    subject: str
    data: bytes
    reply: str = ""
    headers: dict[str, str] = {}


Handler = Callable[[Message], Awaitable[None]]


class Subscription(Protocol):
    """A running subscription."""

    async def unsubscribe(self) -> None:
        """End it; messages that are under way may still be handled."""
        ...


class Bus(Protocol):
    """A connection to the broker."""

    @property
    def state(self) -> ConnectionState:
        """The state now."""
        ...

    @property
    def inbox_prefix(self) -> str:
        """The prefix of this connection's reply subjects, ``_INBOX_<public key>``."""
        ...

    def on_state(self, callback: Callable[[ConnectionState], None]) -> Callable[[], None]:
        """Call ``callback`` at every change of state; returns a function that ends it."""
        ...

    async def publish(
        self,
        subject: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        reply: str = "",
    ) -> None:
        """Send without waiting for an answer; ``reply`` is where answers may go.

        Raises:
            NotConnectedError: the broker is away; nothing was sent, nothing is kept for later.
            CommandError: ``too_large`` for more than the broker takes.
        """
        ...

    async def publish_all(self, events: Sequence[tuple[str, bytes]]) -> None:
        """Send several messages (subject and body) at once; raises what ``publish`` raises."""
        ...

    async def request(
        self,
        subject: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 3.0,
    ) -> Message:
        """Send and wait for one answer.

        Raises:
            NotConnectedError: the broker is away; nothing was sent.
            AgentOfflineError: nobody subscribes to the subject.
            DeniedError: the broker's permissions refused it.
            TimeoutError: no answer in time; the outcome is unknown.
        """
        ...

    async def subscribe(
        self, subject: str, handler: Handler, *, queue: str = "", concurrency: int = 1
    ) -> Subscription:
        """Run ``handler`` for each message, at most ``concurrency`` at once; 1 keeps the order."""
        ...

    async def respond(
        self, message: Message, data: bytes, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer a request; the caller has checked ``message.reply`` first."""
        ...

    async def aclose(self) -> None:
        """Unsubscribe, send what is buffered, and close; bounded in time."""
        ...
