"""Work queues as the rest of the program sees them: a message wakes one worker, until it is done.

A message is a wake-up call and never the truth: it may come twice, come late or be lost, and the
row in the database decides what happens. What is not acknowledged comes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

# How long a message may be worked on without a sign of life before another worker gets it.
ACK_WAIT_S = 30.0
# The same message id within this time is one message.
DUPLICATE_WINDOW_S = 600.0
MAX_QUEUE_BYTES = 256 * 1024**2
MAX_MESSAGE_BYTES = 64 * 1024


class QueueSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One durable stream of work.

    Attributes:
        stream: its name at the broker.
        pattern: of all its subjects; the last token names the type of work.
        types: each has one durable consumer, which all workers share.
        ack_wait_s: as ``ACK_WAIT_S``; tests use less.
        max_ack_pending: messages of one type that may be worked on at once, over all workers.
    """

    stream: str
    pattern: str
    types: tuple[str, ...]
    ack_wait_s: float = ACK_WAIT_S
    max_ack_pending: int = 1_000

    def subject(self, kind: str) -> str:
        """Return the subject of one type of work."""
        if kind not in self.types:
            raise ValueError(f"{self.stream} has no work of the type {kind!r}")
        return f"{self.pattern.removesuffix('*')}{kind}"


ASSETS = QueueSpec(
    stream="ASSETS", pattern="slate.asset.process.*", types=("texture", "model", "audio")
)
BUILDS = QueueSpec(
    stream="BUILDS",
    pattern="slate.build.submit.*",
    types=(
        *("windows", "macos", "linux", "android", "ios"),
        *("webgl", "ps5", "xbox-series-x", "switch"),
    ),
)


class Delivery(Protocol):
    """A message that one worker holds for now.

    While the broker is away every method raises ``NotConnectedError``: it then comes again.
    """

    @property
    def subject(self) -> str:
        """Where it was published."""
        ...

    @property
    def data(self) -> bytes:
        """Its body."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers."""
        ...

    @property
    def deliveries(self) -> int:
        """How many times it was handed out, this time included."""
        ...

    async def ack(self) -> None:
        """It is done; returns once the broker has noted that.

        Raises:
            TimeoutError: nobody knows whether it was noted.
        """
        ...

    async def nak(self, delay_s: float = 0.0) -> None:
        """Hand it out again, not before ``delay_s`` seconds."""
        ...

    async def term(self) -> None:
        """Never hand it out again: it is no good."""
        ...

    async def in_progress(self) -> None:
        """It is being worked on: the time until it comes again starts anew."""
        ...


class WorkQueue(Protocol):
    """One stream of work at the broker."""

    @property
    def spec(self) -> QueueSpec:
        """What it is."""
        ...

    async def ensure(self) -> None:
        """Make the stream and its consumers where they are missing; what is there stays.

        Raises:
            NotConnectedError: the broker is away.
            EnvironmentFaultError: the broker refuses, for lack of space or rights.
        """
        ...

    async def publish(
        self,
        kind: str,
        data: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        message_id: str,
    ) -> bool:
        """Store a message; False when this id was stored within ``DUPLICATE_WINDOW_S``.

        Raises:
            NotConnectedError: the broker is away.
            AgentOfflineError: there is no such stream yet.
            TimeoutError: nobody knows whether it was stored.
            CommandError: ``too_large``.
            EnvironmentFaultError: the stream is full or broken.
        """
        ...

    async def fetch(self, kind: str, *, timeout_s: float) -> Delivery | None:
        """Take the next message of a type, or None when none came in time.

        After an interruption of the connection it returns sooner, with None.

        Raises:
            NotConnectedError: the broker is away.
            AgentOfflineError: there is no such stream or consumer: ``ensure`` makes them.
        """
        ...

    async def depth(self, kind: str) -> int:
        """Return how many messages of a type wait or are held by a worker.

        Raises:
            NotConnectedError: the broker is away.
            EnvironmentFaultError: there is no such queue.
        """
        ...

    async def aclose(self) -> None:
        """Give back what was fetched and reached nobody."""
        ...
