"""Contents of trees on both object stores: what travels, what does not, and what is refused."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from slate_desktop.bus.directory_objects import DirectoryObjects
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.bus.objects import ObjectInfo, ObjectStore
from slate_desktop.bus.tree_manifests import TreeManifests
from slate_desktop.bus.tree_objects import PIECE_BYTES, Sent, stage, upload
from slate_desktop.domain.trees.ignore import IgnoreRules
from slate_desktop.domain.trees.manifest import Entry, Part
from slate_desktop.domain.trees.scan import scan
from slate_desktop.errors import CommandError
from tests.services.nats import RealNats

_numbers = count(1)


@pytest.fixture(params=["directory", pytest.param("nats", marks=pytest.mark.nats)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "directory":
        made: ObjectStore = DirectoryObjects(tmp_path / "objects", max_bytes=60_000_000)
        await made.ensure()
        yield made
        return
    nats: RealNats = request.getfixturevalue("nats")
    bus = await NatsBus.connect(nats.url, seed=nats.anyone.seed, name="trees")
    bucket = f"tree{next(_numbers)}"
    made = NatsObjects(bus, bucket=bucket, max_bytes=60_000_000)
    await made.ensure()
    yield made
    await bus.request(f"$JS.API.STREAM.DELETE.OBJ_{bucket}", b"")
    await bus.aclose()


async def send(store: ObjectStore, root: Path, tree: dict[str, Entry] | None = None) -> Sent:
    found = scan(root, IgnoreRules(), {})
    places: dict[str, tuple[Part, ...]] = {
        entry.sha256: entry.parts for entry in (tree or {}).values() if entry.parts
    }
    return await upload(store, root, found.files, places)


async def test_contents_come_back_and_only_new_ones_travel(
    store: ObjectStore, tmp_path: Path
) -> None:
    root = tmp_path / "game"
    root.mkdir()
    big = os.urandom(2 * PIECE_BYTES + 5)
    contents = {f"{number}.txt": b"small %d" % number for number in range(50)}
    contents |= {"same": b"small 1", "empty": b"", "middle": os.urandom(700_000), "big": big}
    for name, data in contents.items():
        (root / name).write_bytes(data)
    (root / "link").symlink_to("same")
    sent = await send(store, root)
    assert sent.vanished == ()
    packs = {part.sha256 for name in contents for part in sent.entries[name].parts}
    assert len(packs) == 1 + 1 + 3, "one of small files, a middle-sized one, three pieces"

    folder = tmp_path / "staging"
    folder.mkdir()
    staged = await stage(store, list(sent.entries.values()), folder)
    assert {name: path.read_bytes() for name, path in staged.items()} == contents
    assert len(list(folder.iterdir())) == len(contents), "no object is left"

    (root / "0.txt").write_bytes(b"other")
    (root / "big").write_bytes(big[:-1] + b"!")
    again = await send(store, root, sent.entries)
    assert again.sent_bytes == len(b"other") + 5
    # Somebody else's copy of the same files sends nothing, though nothing is known of the first.
    assert (await send(store, root)).sent_bytes <= 50 * len(b"small 10") + 5


async def test_an_upload_that_broke_off_goes_on_where_it_was(
    store: ObjectStore, tmp_path: Path
) -> None:
    root = tmp_path / "game"
    root.mkdir()
    (root / "a").write_bytes(os.urandom(PIECE_BYTES * 3))

    class Breaking:
        def __init__(self) -> None:
            self.puts = 0

        async def ensure(self) -> None:
            await store.ensure()

        async def stat(self, sha256: str) -> ObjectInfo | None:
            return await store.stat(sha256)

        async def put(self, source: Path | bytes, *, sha256: str | None = None) -> ObjectInfo:
            self.puts += 1
            if self.puts == 3:
                raise ConnectionResetError
            return await store.put(source, sha256=sha256)

        async def get(self, sha256: str, size: int, target: Path) -> None:
            await store.get(sha256, size, target)

    await send(Breaking(), root)
    rest = await send(store, root)
    assert rest.sent_bytes == PIECE_BYTES


async def test_a_file_that_changes_meanwhile_is_left_for_the_next_look(
    store: ObjectStore, tmp_path: Path
) -> None:
    root = tmp_path / "game"
    root.mkdir()
    (root / "a").write_text("1")
    (root / "b").write_text("1b")
    found = scan(root, IgnoreRules(), {})
    (root / "a").write_text("2")
    sent = await upload(store, root, found.files, {})
    assert sent.vanished == ("a",)
    assert list(sent.entries) == ["b"]


async def test_another_content_than_the_manifest_says_is_refused(
    store: ObjectStore, tmp_path: Path
) -> None:
    info = await store.put(b"evil")
    folder = tmp_path / "staging"
    folder.mkdir()
    part = (Part(info.sha256, 4, 0, 4),)
    with pytest.raises(CommandError) as caught:
        await stage(store, [Entry("x", 4, 1, "a" * 64, parts=part)], folder)
    assert caught.value.code.value == "artifact_corrupt"
    other = tmp_path / "other"
    other.mkdir()
    missing = (Part("b" * 64, 4, 0, 4),)
    with pytest.raises(CommandError) as caught:
        await stage(store, [Entry("y", 4, 1, "a" * 64, parts=missing)], other)
    assert caught.value.code.value == "not_found"


async def test_manifests_travel_as_small_changes(store: ObjectStore, tmp_path: Path) -> None:
    tree = {f"dir/{number}": Entry(f"dir/{number}", 0, 1, "a" * 64) for number in range(1000)}
    mine = TreeManifests(store, tmp_path / "mine")
    first = await mine.write(tree)
    changed = {**tree, "new": Entry("new", 0, 1, "b" * 64)}
    changed.pop("dir/7")
    second = await mine.write(changed)
    assert second.size < first.size / 50
    theirs = TreeManifests(store, tmp_path / "theirs")
    assert await theirs.read(second) == changed
    assert await theirs.read(first) == tree
    kept = TreeManifests(store, tmp_path / "theirs")
    assert await kept.read(second) == changed
    (tmp_path / "theirs" / f"{first.sha256}.manifest").write_bytes(b"cut short")
    damaged = TreeManifests(store, tmp_path / "theirs")
    assert await damaged.read(second) == changed
    third = await damaged.write({path: tree[path] for path in list(tree)[:500]})
    assert third.size > second.size, "so many changes are a full manifest again"
    assert len(await mine.read(third)) == 500
