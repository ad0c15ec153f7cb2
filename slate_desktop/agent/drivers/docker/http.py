"""A minimal HTTP client for the engine's long answers, straight on the event loop.

Requests say HTTP/1.0, so that the engine sends bodies as they are, without chunks, until it closes.
A reader that is not read stops the engine by the socket's own flow control.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import msgspec

from slate_desktop.errors import CommandError, ErrorCode, Retry

BUFFER_BYTES = 512 * 1024
_CONNECT_TIMEOUT_S = 5.0
HEAD_TIMEOUT_S = 30.0
_ERROR_BYTES = 64 * 1024


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where an engine listens."""

    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0

    @property
    def is_local(self) -> bool:
        """Whether the engine runs on this machine, so that its pids and paths mean something."""
        return self.scheme == "unix"


def parse_address(url: str) -> Address:
    """Read ``unix:///path``, ``tcp://host:port``, ``http(s)://…`` or ``npipe:////./pipe/name``.

    Raises:
        CommandError: ``docker_unavailable`` for anything else, ``ssh://`` too.
    """
    parts = urlsplit(url)
    if parts.scheme in ("unix", "http+unix"):
        return Address(scheme="unix", path=url.partition("://")[2])
    if parts.scheme == "npipe":
        return Address(scheme="npipe", path=url.partition("://")[2].replace("/", "\\"))
    try:
        port, is_valid = parts.port, True
    except ValueError:
        port, is_valid = None, False
    if parts.scheme in ("tcp", "http", "https") and parts.hostname and is_valid:
        default = 2376 if parts.scheme == "https" else 2375
        return Address(scheme=parts.scheme, host=parts.hostname, port=port or default)
    raise CommandError(
        ErrorCode.DOCKER_UNAVAILABLE,
        f"the Docker address {url!r} cannot be used",
        hint="Use unix:///path, tcp://host:port or npipe:////./pipe/name.",
    )


class Answer:
    """An answer whose body is still coming."""

    def __init__(
        self, status: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.status = status
        self._reader = reader
        self._writer = writer

    async def read(self, size: int = BUFFER_BYTES) -> bytes:
        """Return what has come, or nothing at the end.

        Raises:
            CommandError: ``docker_unavailable`` when the connection broke.
        """
        try:
            return await self._reader.read(size)
        except OSError as exc:
            raise unavailable("the connection to the Docker engine broke") from exc

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield the body line by line."""
        rest = b""
        while data := await self.read():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield line
        if rest:
            yield rest

    async def message(self) -> str:
        """Return the sentence of an error answer."""
        body = b""
        while len(body) < _ERROR_BYTES and (data := await self.read()):
            body += data
        with contextlib.suppress(ValueError, AttributeError):
            return str(json.loads(body).get("message", ""))
        return body.decode("utf-8", errors="replace").strip()

    def close(self) -> None:
        """Drop the connection."""
        self._writer.close()


@contextlib.asynccontextmanager
async def open_answer(
    address: Address,
    method: str,
    path: str,
    *,
    body: object = None,
    tls: ssl.SSLContext | None = None,
    head_timeout_s: float = HEAD_TIMEOUT_S,
) -> AsyncIterator[Answer]:
    """Send a request and hand out the answer once its head is there.

    Raises:
        CommandError: ``docker_unavailable`` when the engine does not answer.
    """
    try:
        reader, writer = await asyncio.wait_for(_connect(address, tls), _CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError) as exc:
        raise unavailable("the Docker engine does not answer") from exc
    try:
        payload = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.0\r\nHost: docker\r\n"
        if payload or method == "POST":
            head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
        writer.write(head.encode() + b"\r\n" + payload)
        try:
            status = await asyncio.wait_for(_read_head(writer, reader), head_timeout_s)
        except (OSError, TimeoutError, ValueError, EOFError, asyncio.LimitOverrunError) as exc:
            raise unavailable("the Docker engine closed the connection") from exc
        yield Answer(status, reader, writer)
    finally:
        writer.close()


def unavailable(message: str) -> CommandError:
    """Return the error for an engine that cannot be reached: unknown, never dead."""
    return CommandError(
        ErrorCode.DOCKER_UNAVAILABLE,
        message,
        retry=Retry.LATER,
        hint="Start Docker, or set the engine's address in DOCKER_HOST or the settings.",
    )


async def _connect(
    address: Address, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.scheme == "unix":
        return await asyncio.open_unix_connection(address.path, limit=BUFFER_BYTES)
    if address.scheme == "npipe":
        return await _connect_pipe(address.path)
    return await asyncio.open_connection(address.host, address.port, limit=BUFFER_BYTES, ssl=tls)


async def _connect_pipe(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a named pipe; only Windows' proactor loop can."""
    loop = asyncio.get_running_loop()
    connect = getattr(loop, "create_pipe_connection", None)
    if connect is None:
        raise OSError("this event loop has no named pipes")
    reader = asyncio.StreamReader(limit=BUFFER_BYTES, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await connect(lambda: protocol, path)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def _read_head(writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> int:
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1])
