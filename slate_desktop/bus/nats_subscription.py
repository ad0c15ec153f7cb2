"""Subscriptions that outlive the client that they were made on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import slate_desktop.bus.late_jetstream  # noqa: F401

# isort: split
from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from slate_desktop.bus.dispatch import Dispatcher
from slate_desktop.bus.nats_client import Client
from slate_desktop.bus.port import Message


class LastingSubscription:
    """A wish to hear ``subject``, fulfilled by whichever client is there.

    Args:
        subject: may have wildcards.
        queue: the queue group; empty for none.
        dispatcher: takes the messages.
        forget: called once when it ends.
    """

    def __init__(
        self,
        subject: str,
        queue: str,
        dispatcher: Dispatcher,
        forget: Callable[[LastingSubscription], None],
    ) -> None:
        self.subject = subject
        self.queue = queue
        self.dispatcher = dispatcher
        self._forget = forget
        self._inner: NatsSubscription | None = None

    async def attach(self, client: Client) -> None:
        """Subscribe on a client; raises what nats-py raises."""
        self._inner = await client.subscribe(self.subject, queue=self.queue, cb=self._on_message)

    async def detach(self) -> None:
        """Leave the client; harmless on one that is closed."""
        inner, self._inner = self._inner, None
        if inner is not None:
            with contextlib.suppress(nats_errors.Error, OSError):
                await inner.unsubscribe()

    async def unsubscribe(self) -> None:
        """End it; messages that are under way may still be handled."""
        self._forget(self)
        await self.detach()
        await self.dispatcher.aclose()

    async def _on_message(self, msg: Msg) -> None:
        self.dispatcher.offer(
            Message(
                subject=msg.subject, data=msg.data, reply=msg.reply, headers=dict(msg.headers or {})
            )
        )
