"""The object store on JetStream, in the layout of every NATS client, read by a pull consumer.

Source: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-20.md
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from slate_desktop.bus.jetstream_api import code_of, read_answer
from slate_desktop.bus.object_calls import (
    STREAM_EXISTS,
    STREAM_NOT_FOUND,
    NoLeaderError,
    ObjectCalls,
    UnansweredError,
    refusal,
)
from slate_desktop.bus.object_times import TOUCH_AFTER_S, StoreChangedError, age_s, rollup_after
from slate_desktop.bus.objects import (
    BUCKET,
    CheckedFile,
    ObjectInfo,
    check_digest,
    check_size_of_object,
    corrupt,
    digest_of,
)
from slate_desktop.bus.port import Bus, Message
from slate_desktop.errors import (
    CommandError,
    EnvironmentFaultError,
    ErrorCode,
    NotConnectedError,
    SlateError,
)

# Each chunk is synced by the broker, so they are as large as a message may be.
CHUNK_BYTES = 512 * 1024
# Reserved at the broker, whose embedded configuration gives 20 GiB to all streams.
DEFAULT_MAX_BYTES = 12 * 1024**3
_PUTS_AT_ONCE = 8
# Bytes that one pull asks for; below what the dispatcher of a subscription holds.
_PULL_BYTES = 16 * 1024**2
_STALL_S = 10.0
_SLOWEST_BYTES_PER_S = 2 * 1024**2
_NS = 1_000_000_000
# Nobody answers, or the consumer has gone: so it is while the broker reads its configuration anew
# or a cluster chooses a leader, which takes up to nine seconds, or a second ballot.
_AWAY_STATUSES = frozenset(("409", "503"))
_AWAY_S, _AWAY_PAUSE_S = 20.0, 0.2
_TRIES = 3
_T = TypeVar("_T")


class _AwayError(TimeoutError):
    """Nobody hands out chunks for the moment; to ask with a new consumer may help."""


class NatsObjects:
    """``bus.objects.ObjectStore`` on a NATS server with JetStream.

    Args:
        bus: the way to the broker.
        bucket: the store's name.
        max_bytes: what a store that is not there yet may hold.
        replicas: on how many brokers of a cluster it is made.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        bucket: str = BUCKET,
        max_bytes: int = DEFAULT_MAX_BYTES,
        replicas: int = 1,
    ) -> None:
        self._bus = bus
        self._replicas = replicas
        self._bucket = bucket
        self._calls = ObjectCalls(bus, bucket)
        self._max_bytes = max_bytes

    async def ensure(self) -> None:
        """Make the store where it is missing; see ``bus.objects.ObjectStore.ensure``."""
        known = await self._calls.api(f"STREAM.INFO.{self._calls.stream}", {})
        if code_of(known) is None:
            return
        if code_of(known) != STREAM_NOT_FOUND:
            raise refusal(known)
        made = await self._calls.api(
            f"STREAM.CREATE.{self._calls.stream}",
            {
                "name": self._calls.stream,
                "subjects": [f"$O.{self._bucket}.C.>", f"$O.{self._bucket}.M.>"],
                "retention": "limits",
                "storage": "file",
                "discard": "new",
                "max_bytes": self._max_bytes,
                "max_msgs": -1,
                "max_age": 0,
                "num_replicas": self._replicas,
                "allow_rollup_hdrs": True,
                "allow_direct": True,
            },
        )
        if code_of(made) not in (None, STREAM_EXISTS):
            raise refusal(made)

    async def put(self, source: Path | bytes, *, sha256: str | None = None) -> ObjectInfo:
        """Store a file or bytes; see ``bus.objects.ObjectStore.put``."""
        if sha256 is not None and isinstance(source, Path):
            size = (await asyncio.to_thread(source.stat)).st_size
            info = ObjectInfo(sha256=check_digest(sha256), size=size)
        else:
            info = await asyncio.to_thread(digest_of, source)
        if sha256 not in (None, info.sha256):
            raise corrupt(info.sha256, "the file has another digest than it should")
        check_size_of_object(info.size)
        await _while_nobody_leads(lambda: self._put(source, info))
        return info

    async def get(self, sha256: str, size: int, target: Path) -> None:
        """Bring an object to a new file; see ``bus.objects.ObjectStore.get``."""
        check_digest(sha256)
        meta = await _while_nobody_leads(lambda: self._meta(sha256))
        meta = meta or await self._leaders_meta(sha256)
        if meta is None:
            raise CommandError(ErrorCode.NOT_FOUND, "The store has no such object.")
        if meta.get("size") != size:
            raise corrupt(sha256, f"it has {meta.get('size')} bytes and should have {size}")
        loop = asyncio.get_running_loop()
        end_s, has_stalled = loop.time() + _AWAY_S, False
        while True:
            file = CheckedFile(target, sha256, size)
            await asyncio.to_thread(file.open)
            try:
                async with asyncio.timeout(30 + size / _SLOWEST_BYTES_PER_S):
                    nuid, count = str(meta.get("nuid")), int(meta.get("chunks", 0))
                    async for chunk in self._chunks(nuid, count):
                        file.write(chunk)
                await asyncio.to_thread(file.commit)
            except TimeoutError as exc:
                # While a cluster comes together, a question can be lost without a word.
                is_away = isinstance(exc, _AwayError)
                if is_away and loop.time() >= end_s:
                    raise NotConnectedError("The broker does not answer in time.") from exc
                if has_stalled and not is_away:
                    raise corrupt(sha256, "the store does not hand it out") from exc
                has_stalled = has_stalled or not is_away
            else:
                return
            finally:
                await asyncio.to_thread(file.discard)
            await asyncio.sleep(_AWAY_PAUSE_S)

    async def stat(self, sha256: str) -> ObjectInfo | None:
        """Return what the store says of an object; see ``bus.objects.ObjectStore.stat``."""
        check_digest(sha256)
        meta = await _while_nobody_leads(lambda: self._meta(sha256))
        if meta is None or meta.get("digest") != f"SHA-256={_digest_text(sha256)}":
            return None
        return ObjectInfo(sha256=sha256, size=int(meta.get("size", -1)))

    async def _put(self, source: Path | bytes, info: ObjectInfo) -> None:
        if not await self._keeps(info):
            # Chunks lie in the order in which they came: after a part was not taken all begin anew.
            await self._upload(source, info)

    async def _upload(self, source: Path | bytes, info: ObjectInfo) -> None:
        """Send the chunks and then what describes them; nothing is left of it where it fails."""
        nuid = secrets.token_hex(11)
        meta = {
            "name": _name(info.sha256),
            "bucket": self._bucket,
            "nuid": nuid,
            "size": info.size,
            "chunks": -(-info.size // CHUNK_BYTES),
            "mtime": "0001-01-01T00:00:00Z",
            "digest": f"SHA-256={_digest_text(info.sha256)}",
            "options": {"max_chunk_size": CHUNK_BYTES},
        }
        try:
            await self._put_chunks(source, nuid, info)
            await self._calls.store(
                self._meta_subject(info.sha256),
                json.dumps(meta).encode(),
                headers={"Nats-Rollup": "sub"},
            )
        except BaseException:
            with contextlib.suppress(SlateError, TimeoutError, asyncio.CancelledError):
                await asyncio.shield(self._purge(nuid))
            raise

    # -- chunks ------------------------------------------------------------------------------------

    async def _put_chunks(self, source: Path | bytes, nuid: str, info: ObjectInfo) -> None:
        """Send the chunks, several at once; the broker keeps them in the order of sending."""
        subject = f"$O.{self._bucket}.C.{nuid}"
        waiting: set[asyncio.Task[None]] = set()
        sent = 0
        try:
            async for chunk in _read_chunks(source):
                sent += len(chunk)
                task = asyncio.create_task(self._calls.store(subject, chunk), name="object-chunk")
                waiting.add(task)
                # The task's first step sends, and later ones wait for the answer.
                await asyncio.sleep(0)
                if len(waiting) >= _PUTS_AT_ONCE:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for finished in done:
                        finished.result()
            for task in waiting:
                await task
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        if sent != info.size:
            raise corrupt(info.sha256, "the file changed while it was read")

    async def _chunks(self, nuid: str, count: int) -> AsyncIterator[bytes]:
        """Pull the chunks of an upload in order.

        A pull consumer hands out what is asked for at full speed; the push consumer of the usual
        clients waits for flow control.
        """
        if count <= 0 or not nuid.isalnum():
            return
        inbox = f"{self._bus.inbox_prefix}.{secrets.token_hex(8)}"
        messages: asyncio.Queue[Message] = asyncio.Queue()
        consumer = await self._make_consumer(nuid)
        subscription = await self._bus.subscribe(inbox, messages.put)
        try:
            unasked, under_way, step = count, 0, 8
            while unasked or under_way:
                # Asked for again before the last chunk is here, so that the broker never waits.
                if unasked and under_way <= step // 2:
                    batch = min(unasked, step)
                    unasked, under_way = unasked - batch, under_way + batch
                    await self._bus.publish(
                        f"$JS.API.CONSUMER.MSG.NEXT.{self._calls.stream}.{consumer}",
                        json.dumps({"batch": batch, "expires": int(_STALL_S * _NS)}).encode(),
                        reply=inbox,
                    )
                async with asyncio.timeout(_STALL_S):
                    message = await messages.get()
                status = message.headers.get("Status")
                if status in _AWAY_STATUSES and not message.data:
                    raise _AwayError(message.headers.get("Description", ""))
                if status is not None and not message.data:
                    raise TimeoutError(message.headers.get("Description", ""))
                under_way -= 1
                step = max(1, _PULL_BYTES // max(len(message.data), 1))
                yield message.data
        finally:
            await subscription.unsubscribe()
            with contextlib.suppress(SlateError, TimeoutError):
                await self._calls.api(f"CONSUMER.DELETE.{self._calls.stream}.{consumer}", {})

    async def _make_consumer(self, nuid: str) -> str:
        name = f"get-{secrets.token_hex(8)}"
        subject = f"$O.{self._bucket}.C.{nuid}"
        config = {
            "stream_name": self._calls.stream,
            "config": {
                "name": name,
                "filter_subject": subject,
                "deliver_policy": "all",
                "ack_policy": "none",
                "replay_policy": "instant",
                "mem_storage": True,
                "num_replicas": 1,
                "inactive_threshold": int(60 * _NS),
            },
        }
        try:
            answer = await self._calls.api(
                f"CONSUMER.CREATE.{self._calls.stream}.{name}.{subject}", config
            )
        except UnansweredError as exc:
            raise _AwayError from exc
        if code_of(answer) is not None:
            raise refusal(answer)
        return name

    async def _purge(self, nuid: str) -> None:
        await self._calls.api(
            f"STREAM.PURGE.{self._calls.stream}", {"filter": f"$O.{self._bucket}.C.{nuid}"}
        )

    async def _keeps(self, info: ObjectInfo) -> bool:
        """Tell whether the object is there, and have it stay for as long as a new one would.

        What nobody names is removed some time after it was put (``nats_object_care``); whoever is
        about to name it has its time begin anew, unless it was removed in this very moment.
        """
        subject = self._meta_subject(info.sha256)
        for _ in range(_TRIES):
            message = await self._calls.last(subject)
            if message is None or not _is_of(read_answer(message.data), info):
                return False
            if age_s(message) < TOUCH_AFTER_S:
                return True
            try:
                await self._calls.store(subject, message.data, headers=rollup_after(message))
            except StoreChangedError:
                continue
            return True
        return False

    # -- what the store knows ----------------------------------------------------------------------

    def _meta_subject(self, sha256: str) -> str:
        name = base64.urlsafe_b64encode(_name(sha256).encode()).decode()
        return f"$O.{self._bucket}.M.{name}"

    async def _meta(self, sha256: str) -> dict[str, Any] | None:
        message = await self._calls.last(self._meta_subject(sha256))
        meta = None if message is None else read_answer(message.data)
        return None if meta is None or meta.get("deleted") else meta

    async def _leaders_meta(self, sha256: str) -> dict[str, Any] | None:
        """Ask the one broker that has everything: in a cluster any may answer a direct question."""
        body = {"last_by_subj": self._meta_subject(sha256)}
        answer = await self._calls.api(f"STREAM.MSG.GET.{self._calls.stream}", body)
        message = answer.get("message")
        if not isinstance(message, dict):
            return None
        try:
            meta = read_answer(base64.b64decode(str(message.get("data", "")), validate=True))
        except binascii.Error as exc:
            raise EnvironmentFaultError("The broker's answer cannot be read.") from exc
        return None if meta.get("deleted") else meta


async def _while_nobody_leads(call: Callable[[], Awaitable[_T]]) -> _T:
    """Ask again for as long as a cluster has no leader for the store."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + _AWAY_S
    while True:
        try:
            return await call()
        except NoLeaderError:
            if loop.time() >= end_s:
                raise
        await asyncio.sleep(_AWAY_PAUSE_S)


async def _read_chunks(source: Path | bytes) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        for begin in range(0, len(source), CHUNK_BYTES):
            yield source[begin : begin + CHUNK_BYTES]
        return
    file: BinaryIO = await asyncio.to_thread(source.open, "rb")
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        file.close()


def _is_of(meta: dict[str, Any], info: ObjectInfo) -> bool:
    digest = f"SHA-256={_digest_text(info.sha256)}"
    return not meta.get("deleted") and (meta.get("digest"), meta.get("size")) == (digest, info.size)


def _name(sha256: str) -> str:
    return f"sha256/{sha256}"


def _digest_text(sha256: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode()
