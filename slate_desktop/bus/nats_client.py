"""nats-py's client with what it leaves out, and the way to a first connection that is bounded.

Nothing outside ``bus`` may import this module.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import slate_desktop.bus.late_jetstream  # noqa: F401

# isort: split
import msgspec
from nats import errors as nats_errors
from nats.aio.client import Client as _NatsClient

from slate_desktop.errors import DeniedError, NotConnectedError, SettingsError
from slate_desktop.wire.keys import SigningKey

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 3
FIRST_CONNECT_TIMEOUT_S = 5.0
AUTHORIZATION_VIOLATION = "authorization violation"


class Address(msgspec.Struct, frozen=True):
    """Checked broker addresses, and whether the socket must be encrypted."""

    servers: tuple[str, ...]
    must_encrypt: bool

    def __str__(self) -> str:
        return ", ".join(self.servers)


def parse_address(url: str, *, has_tls: bool, allow_plaintext: bool) -> Address:
    """Check one or several (comma-separated) broker URLs.

    Raises:
        SettingsError: a URL that cannot work, or plaintext to another machine.
    """
    servers = tuple(part.strip() for part in url.split(",") if part.strip())
    if not servers:
        raise SettingsError("The NATS address is empty.", hint="Use nats://host:4222.")
    must_encrypt = has_tls
    for server in servers:
        must_encrypt = _check_server(server, has_tls, allow_plaintext) or must_encrypt
    return Address(servers, must_encrypt)


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_server(server: str, has_tls: bool, allow_plaintext: bool) -> bool:
    try:
        parts = urlsplit(server)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise SettingsError(f"{server!r} is not a NATS address: {exc}.") from exc
    if parts.scheme in ("ws", "wss"):
        raise SettingsError(
            f"{server} is a websocket address, which SLATE does not speak.",
            hint=f"Use nats://{host}:{port or 4222}, the broker's own port.",
        )
    if parts.scheme not in ("nats", "tls"):
        raise SettingsError(f"{server!r} has no scheme.", hint="Use nats://host:4222.")
    if not host or port == 0:
        raise SettingsError(f"{server!r} names no host and port.", hint="Use nats://host:4222.")
    is_encrypted = parts.scheme == "tls" or has_tls
    if not is_encrypted and not allow_plaintext and not is_loopback(host):
        raise SettingsError(
            f"{server} is another machine, and the connection would not be encrypted.",
            hint="Use tls://, or allow plaintext in this profile.",
        )
    return is_encrypted


class Client(_NatsClient):
    """A client that signs in with our key and refuses a plaintext socket where TLS was asked."""

    def __init__(self, key: SigningKey, *, must_encrypt: bool) -> None:
        super().__init__()
        self._must_encrypt = must_encrypt
        # WORKAROUND(nats-py 2.16): the public nkey is settable only through a seed and the nkeys
        # package, which has no wheel; the signature itself has a callback. May go when `connect`
        # takes a public nkey. https://github.com/nats-io/nats.py/blob/main/nats/src/nats/aio/client.py
        self._public_nkey = key.public

    def _connect_command(self) -> bytes:
        # The one place between handshake and login. nats-py goes on in plaintext, also for tls://,
        # when the server does not ask for encryption.
        if self._must_encrypt and not self._is_encrypted():
            raise nats_errors.Error("nats: the server does not offer encryption")
        return super()._connect_command()

    async def _connect_to_server(self, s: Any) -> None:
        # WORKAROUND(nats-py 2.16): the socket of an attempt that failed, such as at a stranger who
        # has the port, is left open. May go when an attempt closes what the one before opened.
        # https://github.com/nats-io/nats.py/blob/main/nats/src/nats/aio/client.py
        if self._transport is not None:
            self._transport.close()
        await super()._connect_to_server(s)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        # nats-py would ask a server that it hears of by address for the certificate of the one that
        # it is connected to. Each shows its own.
        await super()._process_info(info, initial_connection)
        for known in self._server_pool:
            known.tls_name = None

    async def _process_msg(self, *args: Any, **kwargs: Any) -> None:
        # Bytes that are no UTF-8 in a subject or status line would end the read loop, with the
        # connection still called connected.
        try:
            await super()._process_msg(*args, **kwargs)
        except (UnicodeError, ValueError, IndexError):
            logger.warning("unreadable message ignored")

    async def _process_pong(self) -> None:
        # WORKAROUND(nats-py 2.16): the PONG of a flush that was cancelled or timed out answers a
        # future that is done, which raises in the read loop, and the broker's answer does not
        # count. May go when `_process_pong` looks at `future.done()`.
        # https://github.com/nats-io/nats.py/blob/main/nats/src/nats/aio/client.py (_process_pong)
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def sync(self, timeout_s: float) -> None:
        """Wait until the broker has processed everything that was sent before.

        Raises:
            TimeoutError: it did not in time; nats-py's errors: the connection is gone.
        """
        # WORKAROUND(nats-py 2.16): `flush` writes its PING at once, past commands that still wait
        # for the flusher, so its PONG proves nothing about them. May go when PING is queued too.
        # https://github.com/nats-io/nats.py/blob/main/nats/src/nats/aio/client.py (_send_ping)
        if self.is_connected and self._flush_queue is not None:
            async with asyncio.timeout(timeout_s):
                flushed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                await self._flush_queue.put(flushed)
                await flushed
        await self.flush(timeout=max(1, round(timeout_s)))

    def drop_pending(self) -> None:
        """Forget what was not sent, so that a reconnect does not deliver stale commands."""
        self._pending = []
        self._pending_data_size = 0

    @property
    def is_deaf(self) -> bool:
        """Whether the client calls itself connected while nobody reads the socket."""
        task = self._reading_task
        return self.is_connected and task is not None and task.done()

    def _is_encrypted(self) -> bool:
        writer = getattr(self._transport, "_io_writer", None)
        return writer is not None and writer.get_extra_info("ssl_object") is not None


class DroppedError(NotConnectedError):
    """The broker answered, and ended the connection before it had let us in or refused us."""


class Callbacks(msgspec.Struct, frozen=True, kw_only=True):
    """What the bus wants to hear; plain functions that cannot raise."""

    error: Callable[[Client, Exception], None]
    disconnected: Callable[[Client], None]
    reconnected: Callable[[Client], None]
    closed: Callable[[Client], None]


async def open_client(
    address: Address,
    key: SigningKey,
    *,
    name: str,
    inbox_prefix: str,
    tls: ssl.SSLContext | None,
    is_tls_first: bool = False,
    callbacks: Callbacks,
) -> Client:
    """Connect within ``FIRST_CONNECT_TIMEOUT_S``; from then on the client reconnects for ever.

    Raises:
        NotConnectedError: nobody answers, or not as a NATS server does; ``DroppedError`` for one
            that ends the connection at once.
        DeniedError: the broker does not know the key.
    """
    client = Client(key, must_encrypt=address.must_encrypt)
    failures: list[Exception] = []
    has_failed = asyncio.Event()

    async def on_error(exc: Exception) -> None:
        failures.append(exc)
        if len(failures) >= len(address.servers) or AUTHORIZATION_VIOLATION in str(exc).lower():
            has_failed.set()
        callbacks.error(client, exc)

    options = _options(client, key, name, inbox_prefix, tls, callbacks)
    options["tls_handshake_first"] = is_tls_first
    connecting = asyncio.create_task(
        client.connect(list(address.servers), error_cb=on_error, **options), name="nats-connect"
    )
    watching = asyncio.create_task(has_failed.wait(), name="nats-connect-failed")
    try:
        await asyncio.wait(
            {connecting, watching},
            timeout=FIRST_CONNECT_TIMEOUT_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if connecting.done() and not connecting.cancelled() and connecting.exception() is None:
            if client.is_connected:
                client.options["max_reconnect_attempts"] = -1
                return client
            # For nats-py the end of the stream is as good as a PONG.
            failures.append(ConnectionResetError("the connection ended at once"))
    except asyncio.CancelledError:
        await _abandon(client, connecting)
        raise
    finally:
        watching.cancel()
    if connecting.done() and (exc := connecting.exception()) is not None:
        failures.append(exc if isinstance(exc, Exception) else NotConnectedError(str(exc)))
    await _abandon(client, connecting)
    raise _translate(address, failures)


async def close_client(client: Client, timeout_s: float = 2.0) -> None:
    """Flush and close, bounded; errors of a dying connection are of no interest."""

    async def close() -> None:
        with contextlib.suppress(nats_errors.Error, OSError, TimeoutError):
            await client.sync(1.0)
        with contextlib.suppress(nats_errors.Error, OSError, TimeoutError):
            await client.close()

    # nats-py swallows cancellation in places, so the bound is a wait and not a wait_for.
    task = asyncio.create_task(close(), name="nats-close")
    await asyncio.wait({task}, timeout=timeout_s)
    task.cancel()


def _options(
    client: Client,
    key: SigningKey,
    name: str,
    inbox_prefix: str,
    tls: ssl.SSLContext | None,
    callbacks: Callbacks,
) -> dict[str, Any]:
    def sign(nonce: str) -> bytes:
        return base64.b64encode(key.sign(nonce.encode()))

    def wrap(callback: Callable[[Client], None]) -> Callable[[], Awaitable[None]]:
        async def call() -> None:
            callback(client)

        return call

    return {
        "signature_cb": sign,
        "name": name,
        "inbox_prefix": inbox_prefix,
        "tls": tls,
        "disconnected_cb": wrap(callbacks.disconnected),
        "reconnected_cb": wrap(callbacks.reconnected),
        "closed_cb": wrap(callbacks.closed),
        "pending_size": -1,
        "max_reconnect_attempts": 1,
        "reconnect_time_wait": 1,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "drain_timeout": 5,
        "ping_interval": 5,
        "max_outstanding_pings": 2,
    }


async def _abandon(client: Client, connecting: asyncio.Task[None]) -> None:
    connecting.cancel()
    await asyncio.wait({connecting}, timeout=1.0)
    if connecting.done() and not connecting.cancelled():
        connecting.exception()  # it has been looked at
    await close_client(client, timeout_s=1.0)


def _translate(address: Address, failures: list[Exception]) -> Exception:
    texts = [str(exc) or type(exc).__name__ for exc in failures]
    if any(AUTHORIZATION_VIOLATION in text.lower() for text in texts):
        return DeniedError(
            f"The broker at {address} does not know this key.",
            hint="Ask its administrator to admit the key that `slate doctor` shows.",
        )
    if any(_is_of_certificate(exc) for exc in failures):
        return NotConnectedError(
            f"The broker at {address} shows a certificate that is not trusted: {texts[-1]}.",
            hint="Check the host name, the date and the CA of this profile.",
        )
    reason = texts[-1].removeprefix("nats: ") if texts else "no answer in time"
    if reason == "TimeoutError":
        reason = "no answer in time"
    error = NotConnectedError(
        f"The broker at {address} does not answer: {reason}.",
        hint="Check the address, and that nats-server runs there.",
    )
    if failures and _is_drop(failures[-1]):
        return DroppedError(str(error), hint=error.hint)
    return error


def _is_of_certificate(exc: Exception) -> bool:
    return isinstance(exc, ssl.SSLError) and not _is_drop(exc)


def _is_drop(exc: Exception) -> bool:
    if isinstance(exc, ConnectionRefusedError):
        return False
    is_end = isinstance(exc, ConnectionError | ssl.SSLEOFError | nats_errors.UnexpectedEOF)
    # nats-py has no class for the end of the stream in place of the first line.
    return is_end or "empty response" in str(exc)
