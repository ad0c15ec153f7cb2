"""The bus on NATS: one supervised connection, whatever the network does.

nats-py gives up for good after some errors, tells of refused messages only in a callback, and
delivers what was buffered long after its caller gave up. Here a closed client is rebuilt with its
subscriptions, refusals fail their callers at once, and nothing is kept while the broker is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence

import slate_desktop.bus.late_jetstream  # noqa: F401

# isort: split
from nats import errors as nats_errors

from slate_desktop.bus import nats_client, permissions
from slate_desktop.bus.checks import check_headers, check_size, check_subject
from slate_desktop.bus.dispatch import Dispatcher
from slate_desktop.bus.nats_client import Address, Callbacks, Client, DroppedError
from slate_desktop.bus.nats_replies import Replies, checked_answer
from slate_desktop.bus.nats_subscription import LastingSubscription, LastingSubscriptions
from slate_desktop.bus.nats_whereabouts import Whereabouts
from slate_desktop.bus.port import ConnectionState, Handler, Message
from slate_desktop.bus.states import ConnectionStates
from slate_desktop.errors import (
    DeniedError,
    NotConnectedError,
    SlateError,
)
from slate_desktop.wire.keys import SigningKey

logger = logging.getLogger(__name__)

# Reading its users anew, as it does whenever somebody joins or leaves, the broker ends or refuses
# every connection that has not signed in yet; with TLS that takes a while on a busy machine.
_DROPPED_WAITS_S = (0.05, 0.15, 0.4)
_REBUILD_WAIT_S = 1.0
_REFUSED_WAIT_S = 5.0
_WATCH_INTERVAL_S = 2.0
_FLUSH_ABOVE_BYTES = 1024 * 1024
_FLUSH_TIMEOUT_S = 5.0


class NatsBus:
    """``bus.port.Bus`` on a NATS server."""

    def __init__(
        self,
        address: Address,
        key: SigningKey,
        *,
        name: str,
        tls: ssl.SSLContext | None,
        is_tls_first: bool = False,
        find_url: Callable[[], str | None] | None = None,
    ) -> None:
        """Use ``NatsBus.connect``."""
        self._place = Whereabouts(address, find_url, has_tls=tls is not None)
        self._key = key
        self._name = name
        self._tls = tls
        self._is_tls_first = is_tls_first
        self._client: Client | None = None
        self._states = ConnectionStates()
        self._subscriptions = LastingSubscriptions(self._connected_client, self._spawn)
        self._replies = Replies(
            f"{self.inbox_prefix}.{secrets.token_hex(8)}", self._subscriptions.note_denial
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_rebuilding = False
        self._is_refused = False
        self._is_closing = False

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        seed: str,
        name: str,
        tls: ssl.SSLContext | None = None,
        is_tls_first: bool = False,
        allow_plaintext: bool = False,
        find_url: Callable[[], str | None] | None = None,
    ) -> NatsBus:
        """Connect to ``url`` (several, comma-separated, for a cluster) within 5 s.

        Args:
            url: ``nats://`` (loopback, unless ``allow_plaintext`` or ``tls``) or ``tls://``.
            seed: the user nkey's seed; it signs the broker's nonce and names the inbox.
            name: shown in the broker's connection list.
            tls: a context with the profile's CA; the socket is then encrypted, or not used.
            is_tls_first: the broker waits for the handshake and says nothing in plaintext.
            allow_plaintext: let ``nats://`` leave this machine unencrypted.
            find_url: looked at while the broker is away: where it is now, None when nobody knows.
                It must not block, and may name loopback addresses only.

        Raises:
            SettingsError: the address or key cannot be used.
            NotConnectedError: nobody answers there.
            DeniedError: the broker does not know the key.
        """
        address = nats_client.parse_address(
            url, has_tls=tls is not None, allow_plaintext=allow_plaintext
        )
        key = SigningKey.from_seed(seed)
        bus = cls(address, key, name=name, tls=tls, is_tls_first=is_tls_first, find_url=find_url)
        await bus._start()
        return bus

    @property
    def state(self) -> ConnectionState:
        """The state now."""
        return self._states.now

    @property
    def reason(self) -> str:
        """Why the broker is away, one sentence; empty while connected."""
        return self._states.reason

    @property
    def url(self) -> str:
        """The addresses that this connection is made with."""
        return str(self._place.address)

    @property
    def inbox_prefix(self) -> str:
        """The prefix of this connection's reply subjects."""
        return permissions.inbox_prefix(self._key.public)

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
        await self._send(subject, data, headers, reply=reply)

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
        with self._replies.expect(subject) as (reply, answer):
            await self._send(subject, data, headers, reply=reply)
            async with asyncio.timeout(timeout_s):
                message = await answer
        return checked_answer(message)

    async def subscribe(
        self, subject: str, handler: Handler, *, queue: str = "", concurrency: int = 1
    ) -> LastingSubscription:
        """Run ``handler`` for each message; see ``bus.port.Bus.subscribe``.

        While the broker is away the wish is kept, and fulfilled when it is back.

        Raises:
            DeniedError: the broker's permissions refused it.
        """
        check_subject(subject, is_wildcard_allowed=True)
        return await self._add(subject, queue, Dispatcher(subject, handler, concurrency))

    async def respond(
        self, message: Message, data: bytes, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer a request; the caller has checked ``message.reply`` first."""
        if message.reply:
            check_subject(message.reply)
            await self._send(message.reply, data, headers, reply="")

    async def flush(self, timeout_s: float = 2.0) -> None:
        """Wait until the broker has taken what was published.

        Raises:
            NotConnectedError: the broker is away.
        """
        client = self._connected()
        try:
            await client.sync(timeout_s)
        except (nats_errors.Error, OSError, TimeoutError) as exc:
            raise self._not_connected() from exc

    async def aclose(self) -> None:
        """Unsubscribe, send what is buffered, and close; takes 5 s at most."""
        if self._is_closing:
            return
        self._is_closing = True
        current = asyncio.current_task()
        for task in list(self._tasks):
            if task is not current:
                task.cancel()
        await self._subscriptions.aclose()
        if self._client is not None:
            await nats_client.close_client(self._client)
        self._replies.fail_all(NotConnectedError("The connection was closed."))
        self._states.set(ConnectionState.CLOSED)

    async def _send(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None, *, reply: str
    ) -> None:
        check_headers(headers)
        client = self._connected()
        check_size(data, headers, client.max_payload)
        try:
            await client.publish(subject, data, reply, dict(headers) if headers else None)
            if client.pending_data_size > _FLUSH_ABOVE_BYTES:
                await client.sync(_FLUSH_TIMEOUT_S)
        except (nats_errors.Error, OSError, TimeoutError) as exc:
            raise self._not_connected() from exc

    def _connected(self) -> Client:
        client = self._client
        if client is None or self._is_closing or not client.is_connected or client.is_draining:
            raise self._not_connected()
        return client

    def _connected_client(self) -> Client | None:
        """The client that all subscriptions are on; None while there is none such."""
        client = self._client
        is_whole = self._states.now is ConnectionState.CONNECTED and not self._is_rebuilding
        return client if client is not None and is_whole and client.is_connected else None

    def _not_connected(self) -> NotConnectedError:
        reason = self._states.reason or "the connection is down."
        return NotConnectedError(
            f"The broker at {self._place.address} is away: {reason}",
            hint="SLATE reconnects by itself; try again when the lamp is green.",
        )

    # -- the connection's life -------------------------------------------------------------------

    async def _start(self) -> None:
        self._client = await self._open()
        self._is_refused = False
        try:
            await self._add(self._replies.wildcard, "", self._replies.dispatcher())
        except SlateError:
            await self.aclose()
            raise
        self._states.set(ConnectionState.CONNECTED)
        self._spawn(self._watch(), "nats-watch")

    async def _open(self) -> Client:
        callbacks = Callbacks(
            error=self._on_error, disconnected=self._on_disconnected,
            reconnected=self._on_reconnected, closed=self._on_closed,
        )  # fmt: skip
        waits_s = iter(_DROPPED_WAITS_S)
        while True:
            try:
                return await nats_client.open_client(
                    self._place.address, self._key, name=self._name, inbox_prefix=self.inbox_prefix,
                    tls=self._tls, is_tls_first=self._is_tls_first, callbacks=callbacks,
                )  # fmt: skip
            except (DeniedError, DroppedError):
                wait_s = next(waits_s, None)
                if wait_s is None:
                    raise
                await asyncio.sleep(wait_s)

    async def _add(self, subject: str, queue: str, dispatcher: Dispatcher) -> LastingSubscription:
        client = self._client
        entry = self._subscriptions.new(subject, queue, dispatcher)
        if client is None or client.is_closed:
            return entry  # restored with the others
        if client.is_connected:
            await self._subscriptions.attach_first(entry, client)
        else:
            with contextlib.suppress(nats_errors.Error, OSError):
                await entry.attach(client)
                client.drop_pending()  # nats-py replays it when it is back
        return entry

    async def _rebuild(self) -> None:
        try:
            # Even one that was refused tries soon: a moment later it may be admitted.
            wait_s = _REBUILD_WAIT_S
            while not self._is_closing:
                await asyncio.sleep(wait_s * random.uniform(1.0, 1.3))  # noqa: S311
                try:
                    if await self._try_rebuild():
                        return
                except Exception:
                    # Nobody else would try again, and the lamp would be red for ever.
                    logger.exception("the connection to the broker could not be rebuilt")
                wait_s = _REFUSED_WAIT_S if self._is_refused else _REBUILD_WAIT_S
        finally:
            self._is_rebuilding = False

    async def _try_rebuild(self) -> bool:
        self._place.has_moved()
        try:
            client = await self._open()
        except SlateError as exc:
            self._is_refused = isinstance(exc, DeniedError)
            self._states.reason = str(exc)
            return False
        self._client = client
        try:
            await self._subscriptions.attach_all(client)
        except (nats_errors.Error, OSError, TimeoutError):
            logger.warning("connection lost while subscriptions were restored")
            await nats_client.close_client(client)
            return False
        self._is_refused = False
        self._states.set(ConnectionState.CONNECTED)
        return True

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_INTERVAL_S)
            try:
                await self._look()
            except Exception:
                logger.exception("the connection to the broker could not be looked after")

    async def _look(self) -> None:
        client = self._client
        if client is not None and client.is_deaf:
            logger.warning("connection to the broker stopped reading; reconnecting")
            await client.force_reconnect()
        elif client is not None and self._states.now is ConnectionState.RECONNECTING:
            # nats-py would knock for ever where the broker is no more; its end has it rebuilt.
            is_idle = not self._is_rebuilding and not client.is_connected
            if is_idle and self._place.has_moved():
                await nats_client.close_client(client)

    def _on_error(self, client: Client, exc: Exception) -> None:
        text = str(exc).lower()
        if self._replies.note_denial(text):
            return
        if nats_client.AUTHORIZATION_VIOLATION in text:
            self._note_refusal()
            if client is self._client and not client.is_closed and not self._is_closing:
                # nats-py would try again each second for ever.
                self._spawn(nats_client.close_client(client), "nats-close-refused")
        elif isinstance(exc, nats_errors.SlowConsumerError):
            logger.warning("messages dropped: slow consumer", extra={"subject": exc.subject})
        elif client is self._client:
            self._states.reason = f"{text.removeprefix('nats: ') or type(exc).__name__}."

    def _note_refusal(self) -> None:
        self._is_refused = True
        self._states.reason = "it does not know this key any more."

    def _on_disconnected(self, client: Client) -> None:
        client.drop_pending()
        if isinstance(client.last_error, nats_errors.AuthorizationError):
            self._note_refusal()  # told to nobody else while the connection was up
        if client is self._client and not self._is_closing:
            self._states.set(ConnectionState.RECONNECTING)

    def _on_reconnected(self, client: Client) -> None:
        if client is self._client and not self._is_closing:
            self._states.set(ConnectionState.CONNECTED)

    def _on_closed(self, client: Client) -> None:
        if client is not self._client or self._is_closing or self._is_rebuilding:
            return
        self._is_rebuilding = True
        self._states.set(ConnectionState.RECONNECTING)
        self._spawn(self._rebuild(), "nats-rebuild")

    def _spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
