"""Snapshots of the broker's streams: queues and objects, as the broker itself writes them.

Source: https://docs.nats.io/reference/reference-protocols/nats_api_reference,
``STREAM.SNAPSHOT`` and ``STREAM.RESTORE``.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from slate_desktop.bus.jetstream_api import PREFIX, ask_api
from slate_desktop.bus.permissions import OBJECTS, Permissions, inbox_prefix
from slate_desktop.bus.port import Bus, Message
from slate_desktop.errors import EnvironmentFaultError, StackError

_TIMEOUT_S = 30.0
_CHUNK_BYTES = 256 * 1024
_LENGTH_BYTES = 4


class RefusedError(EnvironmentFaultError):
    """The broker refuses; ``number`` is its own for the reason."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def operator_permissions(public_key: str) -> Permissions:
    """What the administrator's own broker user may do, for as long as a command of theirs runs."""
    return Permissions(
        publish=(
            "$JS.API.STREAM.NAMES",
            "$JS.API.STREAM.INFO.*",
            "$JS.API.STREAM.SNAPSHOT.*",
            "$JS.API.STREAM.RESTORE.*",
            "$JS.SNAPSHOT.ACK.>",
            "$JS.SNAPSHOT.RESTORE.>",
            *OBJECTS,
            "$JS.API.STREAM.PURGE.OBJ_slate",
        ),
        subscribe=(f"{inbox_prefix(public_key)}.>",),
    )


async def stream_names(bus: Bus) -> list[str]:
    """Return the streams that there are."""
    names: list[str] = []
    while True:
        answer = await _ask(bus, "STREAM.NAMES", {"offset": len(names)})
        page = list(answer.get("streams") or ())
        names += page
        if not page or len(names) >= int(answer.get("total", 0)):
            return sorted(names)


async def snapshot(bus: Bus, stream: str) -> AsyncIterator[bytes]:
    """Yield a stream: its configuration and state with their length in front, then its blocks.

    Raises:
        StackError: the broker stops in the middle.
        EnvironmentFaultError: it refuses.
    """
    inbox = f"{bus.inbox_prefix}.{secrets.token_hex(8)}"
    chunks: asyncio.Queue[Message] = asyncio.Queue()
    subscription = await bus.subscribe(inbox, chunks.put)
    try:
        answer = await _ask(
            bus,
            f"STREAM.SNAPSHOT.{stream}",
            {"deliver_subject": inbox, "chunk_size": _CHUNK_BYTES, "jsck": True},
        )
        head = json.dumps({"config": answer["config"], "state": answer["state"]}).encode()
        yield len(head).to_bytes(_LENGTH_BYTES, "big") + head
        while True:
            async with asyncio.timeout(_TIMEOUT_S):
                chunk = await chunks.get()
            status = chunk.headers.get("Status", "")
            if not chunk.data:
                if status not in ("", "204"):
                    raise StackError(f"The broker broke off the snapshot of {stream}: {status}.")
                return
            yield chunk.data
            if chunk.reply:
                await bus.publish(chunk.reply, b"")
    except TimeoutError as exc:
        raise StackError(f"The snapshot of {stream} does not go on.") from exc
    finally:
        await subscription.unsubscribe()


async def restore(bus: Bus, stream: str, blocks: Iterable[bytes], *, replicas: int = 1) -> None:
    """Make a stream from what ``snapshot`` gave, on so many brokers.

    Raises:
        StackError: the broker does not take it.
        EnvironmentFaultError: it refuses, for example because the stream is there.
    """
    reading = iter(blocks)
    head, rest = _read_head(stream, reading)
    head["config"]["num_replicas"] = replicas
    answer = await _ask(bus, f"STREAM.RESTORE.{stream}", head)
    target = answer["deliver_subject"]
    try:
        for block in _chunked(rest, reading):
            await bus.request(target, block, timeout_s=_TIMEOUT_S)
        done = await bus.request(target, b"", timeout_s=_TIMEOUT_S)
    except TimeoutError as exc:
        raise StackError(f"The broker does not take the stream {stream}.") from exc
    raise_for(json.loads(done.data or b"{}"), stream)


def _read_head(stream: str, reading: Iterator[bytes]) -> tuple[dict[str, Any], bytes]:
    data = b""
    for block in reading:
        data += block
        size = int.from_bytes(data[:_LENGTH_BYTES], "big") + _LENGTH_BYTES
        if len(data) >= max(size, _LENGTH_BYTES):
            return json.loads(data[_LENGTH_BYTES:size]), data[size:]
    raise StackError(f"The snapshot of {stream} ends too soon.")


def _chunked(rest: bytes, reading: Iterator[bytes]) -> Iterator[bytes]:
    for block in (rest, *reading):
        for start in range(0, len(block), _CHUNK_BYTES):
            yield block[start : start + _CHUNK_BYTES]


async def _ask(bus: Bus, call: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        reply = await ask_api(bus, call, json.dumps(body).encode(), timeout_s=_TIMEOUT_S)
    except TimeoutError as exc:
        raise StackError("The broker does not answer in time.") from exc
    answer = json.loads(reply.data)
    raise_for(answer, f"{PREFIX}{call}")
    return answer


def raise_for(answer: dict[str, Any], what: str) -> None:
    """Raise ``RefusedError`` where an answer of the broker's API is an error."""
    error = answer.get("error")
    if error:
        words = f"The broker refuses {what}: {error.get('description', '')}."
        raise RefusedError(words, int(error.get("err_code", 0)))
