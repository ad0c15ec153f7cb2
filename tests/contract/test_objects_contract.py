"""One text for both object stores, and what a broken store on JetStream does."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.bus import permissions
from slate_desktop.bus.directory_objects import DirectoryObjects
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_object_care import ObjectCare
from slate_desktop.bus.nats_objects import CHUNK_BYTES, NatsObjects
from slate_desktop.bus.objects import MAX_OBJECT_BYTES, ObjectStore, check_size_of_object
from slate_desktop.bus.port import Message
from slate_desktop.errors import AgentOfflineError, CommandError
from tests.services.nats import RealNats

_numbers = count(1)


async def open_bus(nats: RealNats) -> NatsBus:
    return await NatsBus.connect(nats.url, seed=nats.anyone.seed, name="objects")


async def remove(bus: NatsBus, bucket: str) -> None:
    await bus.request(f"$JS.API.STREAM.DELETE.OBJ_{bucket}", b"")


@pytest.fixture(params=["directory", pytest.param("nats", marks=pytest.mark.nats)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    made: ObjectStore
    if request.param == "directory":
        made = DirectoryObjects(tmp_path / "objects", max_bytes=4_000_000)
        await made.ensure()
        yield made
        return
    bus, bucket = await open_bus(request.getfixturevalue("nats")), f"t{next(_numbers)}"
    made = NatsObjects(bus, bucket=bucket, max_bytes=4_000_000)
    await made.ensure()
    yield made
    await remove(bus, bucket)
    await bus.aclose()


def files_of(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.is_file())


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES * 2 + 17])
async def test_object_comes_back_as_it_was(store: ObjectStore, tmp_path: Path, size: int) -> None:
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    source = tmp_path / "in"
    source.write_bytes(data)
    info = await store.put(source)
    assert (info.sha256, info.size) == (digest(data), size)
    assert await store.stat(info.sha256) == info
    await store.get(info.sha256, size, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == data
    assert files_of(tmp_path) == ["in", "out"]


async def test_same_content_is_stored_once(store: ObjectStore) -> None:
    first = await store.put(b"same")
    assert await store.put(b"same", sha256=digest(b"same")) == first


async def test_unknown_object_is_not_found(store: ObjectStore, tmp_path: Path) -> None:
    assert await store.stat("0" * 64) is None
    with pytest.raises(CommandError) as caught:
        await store.get("0" * 64, 1, tmp_path / "out")
    assert caught.value.code == "not_found"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "", "\0", "A" * 64, "0" * 63, "0" * 64 + "\n"]
)
async def test_name_that_is_no_digest_is_refused(
    store: ObjectStore, tmp_path: Path, name: str
) -> None:
    for call in (store.stat(name), store.get(name, 1, tmp_path / "out")):
        with pytest.raises(CommandError) as caught:
            await call
        assert caught.value.code == "bad_request"
    assert files_of(tmp_path) == []


async def test_wrong_size_is_corrupt_and_leaves_nothing(store: ObjectStore, tmp_path: Path) -> None:
    info = await store.put(b"content")
    for size in (6, 8):
        with pytest.raises(CommandError) as caught:
            await store.get(info.sha256, size, tmp_path / "out")
        assert caught.value.code == "artifact_corrupt"
    assert files_of(tmp_path) == []


async def test_file_with_another_digest_than_announced_is_not_kept(
    store: ObjectStore, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    source.write_bytes(b"other")
    wrong = digest(b"expected")
    # A store that does not read the file twice finds out when somebody takes the object.

    async def put_and_get() -> None:
        await store.put(source, sha256=wrong)
        await store.get(wrong, 5, tmp_path / "out")

    with pytest.raises(CommandError):
        await put_and_get()
    assert files_of(tmp_path) == ["in"]


async def test_full_store_says_so(store: ObjectStore) -> None:
    with pytest.raises(CommandError) as caught:
        await store.put(bytes(5_000_000))
    assert caught.value.code == "artifact_quota"
    assert (await store.put(b"small")).size == 5


def test_object_beyond_the_limit_is_refused() -> None:
    with pytest.raises(CommandError) as caught:
        check_size_of_object(MAX_OBJECT_BYTES + 1)
    assert caught.value.code == "artifact_quota"


# -- what only a broker can do wrong ---------------------------------------------------------------


@pytest.fixture
async def anyone(nats: RealNats) -> AsyncIterator[NatsBus]:
    bus = await open_bus(nats)
    yield bus
    await bus.aclose()


@pytest.fixture
async def broken(anyone: NatsBus) -> AsyncIterator[tuple[NatsObjects, str]]:
    bucket = f"b{next(_numbers)}"
    store = NatsObjects(anyone, bucket=bucket, max_bytes=4_000_000)
    await store.ensure()
    yield store, bucket
    await remove(anyone, bucket)


async def put_by_hand(
    bus: NatsBus, bucket: str, name: bytes, chunks: list[bytes], *, told: int
) -> tuple[str, int]:
    """Store chunks under the name of other content, as a faulty client would."""
    for chunk in chunks:
        await bus.request(f"$O.{bucket}.C.nuid1", chunk)
    sha = digest(name)
    encoded = base64.urlsafe_b64encode(f"sha256/{sha}".encode()).decode()
    checksum = base64.urlsafe_b64encode(bytes.fromhex(sha)).decode()
    meta = {
        "name": f"sha256/{sha}",
        "bucket": bucket,
        "nuid": "nuid1",
        "size": len(name),
        "chunks": told,
        "digest": f"SHA-256={checksum}",
    }
    await bus.request(f"$O.{bucket}.M.{encoded}", json.dumps(meta).encode())
    return sha, len(name)


@pytest.mark.nats
@pytest.mark.parametrize(("chunks", "told"), [([b"no"], 1), ([b"m"], 1), ([b"mine", b"x"], 2)])
async def test_object_with_other_content_is_corrupt(
    anyone: NatsBus,
    broken: tuple[NatsObjects, str],
    tmp_path: Path,
    chunks: list[bytes],
    told: int,
) -> None:
    store, bucket = broken
    sha, size = await put_by_hand(anyone, bucket, b"mi", chunks, told=told)
    with pytest.raises(CommandError) as caught:
        await store.get(sha, size, tmp_path / "out")
    assert caught.value.code == "artifact_corrupt"
    assert files_of(tmp_path) == []


@pytest.mark.nats
async def test_missing_chunk_is_told_in_time(
    anyone: NatsBus,
    broken: tuple[NatsObjects, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("slate_desktop.bus.nats_objects._STALL_S", 0.4)
    store, bucket = broken
    sha, size = await put_by_hand(anyone, bucket, b"mine", [b"mi"], told=2)
    with pytest.raises(CommandError) as caught:
        await store.get(sha, size, tmp_path / "out")
    assert caught.value.code == "artifact_corrupt"


@pytest.mark.nats
async def test_object_is_asked_for_again_where_nobody_hands_it_out(
    broken: tuple[NatsObjects, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = broken
    kept = await store.put(b"still there")
    make, made = store._make_consumer, []

    async def make_and_lose(nuid: str) -> str:
        made.append(await make(nuid))
        if len(made) == 1:
            await store._calls.api(f"CONSUMER.DELETE.{store._calls.stream}.{made[0]}", {})
        return made[-1]

    monkeypatch.setattr(store, "_make_consumer", make_and_lose)
    await store.get(kept.sha256, kept.size, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"still there"
    assert len(made) == 2
    assert files_of(tmp_path) == ["out"]


@pytest.mark.nats
@pytest.mark.parametrize("refused", [0, 2, 4], ids=["first chunk", "a chunk", "description"])
async def test_object_is_put_anew_where_nobody_took_a_part_of_it(
    broken: tuple[NatsObjects, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused: int,
) -> None:
    store, _ = broken
    source = tmp_path / "in"
    source.write_bytes(bytes(range(256)) * (CHUNK_BYTES // 64))
    send, sent = store._bus.request, count()

    async def lose_one(subject: str, data: bytes, **rest: Any) -> Message:
        if subject.startswith("$O.") and next(sent) == refused:
            raise AgentOfflineError("nobody leads")
        return await send(subject, data, **rest)

    monkeypatch.setattr(store._bus, "request", lose_one)
    info = await store.put(source)
    await store.get(info.sha256, info.size, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == source.read_bytes()


@pytest.mark.nats
async def test_chunks_of_an_upload_that_never_ended_are_purged(
    anyone: NatsBus, broken: tuple[NatsObjects, str], tmp_path: Path
) -> None:
    _, bucket = broken
    store = ObjectCare(anyone, bucket=bucket)
    kept = await store.put(b"kept")
    await anyone.request(f"$O.{bucket}.C.orphan", b"half")
    assert await store.purge_orphans(older_than_s=3600) == 0
    assert await store.purge_orphans(older_than_s=-1) == 1
    assert await store.purge_orphans(older_than_s=-1) == 0
    await store.get(kept.sha256, kept.size, tmp_path / "out")


@pytest.mark.nats
async def test_people_and_agents_reach_the_store_with_their_rights(
    nats: RealNats, tmp_path: Path
) -> None:
    agent = await NatsBus.connect(nats.url, seed=nats.agent.seed, name="agent")
    user = await NatsBus.connect(nats.url, seed=nats.user.seed, name="user")
    try:
        theirs, ours = NatsObjects(agent), NatsObjects(user)
        await theirs.ensure()
        await ours.ensure()
        data = bytes(CHUNK_BYTES + 1)
        info = await ours.put(data)
        await theirs.get(info.sha256, info.size, tmp_path / "agent")
        back = await theirs.put(b"result")
        await ours.get(back.sha256, back.size, tmp_path / "user")
        assert (tmp_path / "user").read_bytes() == b"result"
        await ObjectCare(agent).purge_orphans()
    finally:
        await user.aclose()
        await agent.aclose()


def test_people_may_not_purge_or_change_the_store() -> None:
    allowed = permissions.user("UKEY")
    for call in ("STREAM.PURGE", "STREAM.DELETE", "STREAM.UPDATE", "STREAM.CREATE"):
        assert not allowed.can_publish(f"$JS.API.{call}.OBJ_slate")
    assert not allowed.can_publish("$O.other.C.x")
