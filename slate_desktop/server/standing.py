"""A server's broker and database for an administrator's command, whether the server runs or not.

Where it runs, the command gets a broker user of its own by a file that the server looks for every
second; where it does not, both are started for as long as the command takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.errors import ClientError, SettingsError, StackError
from slate_desktop.server.broker import make_broker
from slate_desktop.server.config import ServerConfig, ServerFiles
from slate_desktop.server.database import ServerDatabase
from slate_desktop.server.streams import operator_permissions
from slate_desktop.settings import files
from slate_desktop.stack.locks import FileLock
from slate_desktop.stack.nats_server import NatsUser
from slate_desktop.wire.keys import SigningKey, decode_public

_ADMITTED_WITHIN_S = 20.0
_RETRY_S = 0.5
# A command that died leaves its file; after this time it admits nobody.
_HOLDS_S = 24 * 3600.0


class Standing(msgspec.Struct, frozen=True):
    """What a command works with; ``is_running`` says that the server itself runs."""

    database: ServerDatabase
    bus: NatsBus
    is_running: bool


class _Operator(msgspec.Struct, frozen=True):
    public_key: str
    expires_at: float


@asynccontextmanager
async def standing(
    server_files: ServerFiles, config: ServerConfig, *, lock: FileLock | None = None
) -> AsyncIterator[Standing]:
    """Lend broker and database.

    Args:
        server_files: the server.
        config: what it is called, and where it listens.
        lock: held already by the caller; the server does not run then.

    Raises:
        SettingsError: a file is damaged.
        StackError: a part does not start or answer.
    """
    own = lock or await asyncio.to_thread(FileLock.acquire, server_files.lock)
    password = server_files.read_secrets().database_password
    database = ServerDatabase(server_files, config, password)
    key = SigningKey.generate()
    try:
        if own is None:
            async with _admitted(server_files, key), await _connect(server_files, config, key) as b:
                await database.open()
                yield Standing(database, b.bus, is_running=True)
        else:
            user = NatsUser(public_key=key.public, permissions=operator_permissions(key.public))
            broker = make_broker(server_files, config, [user])
            try:
                await asyncio.gather(broker.start(), database.start())
                async with await _connect(server_files, config, key) as b:
                    yield Standing(database, b.bus, is_running=False)
            finally:
                await asyncio.gather(broker.stop(), database.stop(), return_exceptions=True)
    finally:
        await database.aclose()
        if own is not None and lock is None:
            own.release()


def read_operators(directory: Path) -> list[str]:
    """Return the keys of administrators' commands that run now."""
    found: list[str] = []
    for path in sorted(directory.glob("U*.json")):
        with contextlib.suppress(Exception):
            one = msgspec.json.decode(files.read_private(path), type=_Operator)
            decode_public(one.public_key)
            if one.expires_at > time.time():
                found.append(one.public_key)
                continue
        files.remove(path)
    return found


def operator_users(keys: Iterable[str]) -> list[NatsUser]:
    """Return the broker users of administrators' commands."""
    return [NatsUser(public_key=key, permissions=operator_permissions(key)) for key in keys]


def is_running(server_files: ServerFiles) -> bool:
    """Tell whether the server's process runs."""
    if not server_files.lock.exists():
        return False
    lock = FileLock.acquire(server_files.lock)
    if lock is None:
        return True
    lock.release()
    return False


def tell_to_reload(server_files: ServerFiles) -> bool:
    """Have a running server read its keys and certificates anew; False where none runs.

    Raises:
        StackError: it runs, and it is not known which process it is.
    """
    if not is_running(server_files):
        return False
    try:
        pid = int(files.read_private(server_files.pid))
        os.kill(pid, signal.SIGHUP)
    except (OSError, ValueError, SettingsError) as exc:
        raise StackError(
            f"The running server cannot be told: {exc}.", hint="Restart it yourself."
        ) from exc
    return True


@asynccontextmanager
async def _admitted(server_files: ServerFiles, key: SigningKey) -> AsyncIterator[None]:
    path = server_files.operators / f"{key.public}.json"
    one = _Operator(key.public, time.time() + _HOLDS_S)
    files.ensure_private_dir(server_files.operators)
    files.write_private(path, msgspec.json.encode(one))
    try:
        yield
    finally:
        files.remove(path)


class _Connected:
    def __init__(self, bus: NatsBus) -> None:
        self.bus = bus

    async def __aenter__(self) -> _Connected:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.bus.aclose()


async def _connect(server_files: ServerFiles, config: ServerConfig, key: SigningKey) -> _Connected:
    ca = files.read_private(server_files.authority_certificate).decode("ascii")
    context = ssl.create_default_context(cadata=ca)
    url = config.nats_url
    deadline = time.monotonic() + _ADMITTED_WITHIN_S
    while True:
        try:
            bus = await NatsBus.connect(
                url, seed=key.seed, name="slate-operator", tls=context, is_tls_first=True
            )
        except ClientError as exc:
            if time.monotonic() > deadline:
                raise StackError(f"The server's broker does not answer: {exc}") from exc
            await asyncio.sleep(_RETRY_S)
        else:
            return _Connected(bus)
