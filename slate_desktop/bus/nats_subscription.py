"""Subscriptions that outlive the client that they were made on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine

import slate_desktop.bus.late_jetstream  # noqa: F401

# isort: split
from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from slate_desktop.bus.dispatch import Dispatcher
from slate_desktop.bus.nats_client import Client
from slate_desktop.bus.port import Message
from slate_desktop.errors import DeniedError

logger = logging.getLogger(__name__)

_SYNC_TIMEOUT_S = 5.0
_DENIED_WAIT_S = 1.0
_DENIED_WAIT_MAX_S = 30.0


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


class LastingSubscriptions:
    """All subscriptions of one connection.

    The broker may refuse one long after it has taken it: its user was taken out of a project. Put
    back into it, they would hear nothing, with nobody who subscribes again; so this is tried from
    time to time for as long as somebody wants to hear.

    Args:
        client: tells which client is there now, None while none is connected.
        spawn: runs what takes longer.
    """

    def __init__(
        self,
        client: Callable[[], Client | None],
        spawn: Callable[[Coroutine[object, object, None], str], None],
    ) -> None:
        self._client = client
        self._spawn = spawn
        self._entries: list[LastingSubscription] = []
        self._denied: set[str] = set()
        self._tried_again: set[LastingSubscription] = set()

    def new(self, subject: str, queue: str, dispatcher: Dispatcher) -> LastingSubscription:
        """Keep a wish; the caller has it fulfilled with ``attach_first``."""
        entry = LastingSubscription(subject, queue, dispatcher, self.forget)
        self._entries.append(entry)
        return entry

    async def attach_first(self, entry: LastingSubscription, client: Client) -> None:
        """Subscribe on a connected client.

        Raises:
            DeniedError: the broker refused it, and it is forgotten.
        """
        try:
            await self._attach(entry, client)
        except DeniedError:
            self.forget(entry)
            await entry.detach()
            await entry.dispatcher.aclose()
            raise
        except (nats_errors.Error, OSError, TimeoutError):
            pass  # restored with the others

    async def attach_all(self, client: Client) -> None:
        """Subscribe on a new client to everything; raises what nats-py raises."""
        for entry in list(self._entries):
            await entry.attach(client)
        await client.sync(_SYNC_TIMEOUT_S)

    def forget(self, entry: LastingSubscription) -> None:
        """Do not restore ``entry`` after a reconnect any more."""
        with contextlib.suppress(ValueError):
            self._entries.remove(entry)

    def note_denial(self, subject: str) -> None:
        """Know that the broker refuses ``subject`` (in lower case), at once or from now on."""
        self._denied.add(subject)
        for entry in self._entries:
            if entry.subject.lower() == subject and entry not in self._tried_again:
                self._tried_again.add(entry)
                self._spawn(self._attach_again(entry), "nats-subscribe-again")

    async def aclose(self) -> None:
        """End all of them."""
        entries, self._entries = self._entries, []
        for entry in entries:
            await entry.detach()
        await asyncio.gather(*(entry.dispatcher.aclose(0.5) for entry in entries))

    async def _attach(self, entry: LastingSubscription, client: Client) -> None:
        wanted = entry.subject.lower()
        self._denied.discard(wanted)
        await entry.attach(client)
        await client.sync(_SYNC_TIMEOUT_S)
        if wanted in self._denied:
            raise DeniedError(f"The broker does not let this user hear {entry.subject}.")

    async def _attach_again(self, entry: LastingSubscription) -> None:
        wait_s = _DENIED_WAIT_S
        try:
            while True:
                await asyncio.sleep(wait_s)
                if entry not in self._entries:
                    return
                client = self._client()
                if client is None:
                    continue
                await entry.detach()
                with contextlib.suppress(DeniedError, nats_errors.Error, OSError, TimeoutError):
                    await self._attach(entry, client)
                    logger.info("the broker takes it again", extra={"subject": entry.subject})
                    return
                wait_s = min(wait_s * 2, _DENIED_WAIT_MAX_S)
        finally:
            self._tried_again.discard(entry)
            if entry not in self._entries:
                await entry.detach()
