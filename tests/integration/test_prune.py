"""Objects that nobody names go, in time and never one that is named, or wanted just then."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from slate_desktop.bus import nats_objects
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_object_care import ObjectCare
from slate_desktop.domain.trees import manifest
from slate_desktop.domain.trees.manifest import Entry, Part, TreeRef
from slate_desktop.errors import CommandError, NotConnectedError
from slate_desktop.server.prune import Pruned, prune_objects
from slate_desktop.store import Database
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn

pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.timeout(120)]


class Studio:
    """A store of its own, and a database with one project."""

    def __init__(self, care: ObjectCare, db: Database, dsn: str, note: Path) -> None:
        self.care, self.db, self.dsn, self.note = care, db, dsn, note
        self.ids: dict[str, str] = {}

    async def prune(self, *, apply: bool = True, grace_s: float = 0) -> Pruned:
        return await prune_objects(
            self.care, self.db, self.note, apply=apply, grace_s=grace_s, say=lambda _: None
        )

    async def sql(self, statement: str, *values: object) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    async def put(self, text: str) -> str:
        return (await self.care.put(text.encode())).sha256

    async def has(self, sha256: str) -> bool:
        return await self.care.stat(sha256) is not None


@pytest.fixture
async def studio(
    nats: RealNats, postgres_dsn: PostgresDsn, tmp_path: Path
) -> AsyncIterator[Studio]:
    bus = await NatsBus.connect(nats.url, seed=nats.anyone.seed, name="prune")
    bucket = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    care = ObjectCare(bus, bucket=bucket, max_bytes=64 * 1024**2)
    await care.ensure()
    db = await Database.connect(postgres_dsn, application_name="prune")
    user = await db.users.create("person", nats.user.public)
    project = await db.projects.add(
        name="p", owner_id=user.id, root=str(tmp_path), engine="custom", command=["x"]
    )
    studio = Studio(care, db, postgres_dsn, tmp_path / "unnamed.json")
    studio.ids = {"user_id": user.id, "project_id": project.id}
    yield studio
    await bus.request(f"$JS.API.STREAM.DELETE.OBJ_{bucket}", b"")
    await db.aclose()
    await bus.aclose()


async def add_tree(studio: Studio, ref: TreeRef) -> None:
    await studio.sql(
        "insert into slate_project_trees (project_id, sha256, size, files, size_bytes, user_id)"
        " values ($1, $2, $3, 1, 1, $4) on conflict (project_id) do update"
        " set sha256 = excluded.sha256, size = excluded.size",
        studio.ids["project_id"], ref.sha256, ref.size, studio.ids["user_id"],
    )  # fmt: skip


def entry(path: str, content: str, sha256: str) -> Entry:
    parts = (Part(sha256, len(content), 0, len(content)),)
    return Entry(path=path, size=len(content), mtime_ns=1, sha256=sha256, parts=parts)


async def test_trees_name_their_contents_by_both_manifests(studio: Studio) -> None:
    first, second = await studio.put("first"), await studio.put("second")
    full = await studio.care.put(manifest.write_full([entry("a", "first", first)]))
    ref = TreeRef(full.sha256, full.size)
    change = await studio.care.put(manifest.write_change(ref, [entry("b", "second", second)], []))
    lost = await studio.put("of an older tree")
    await add_tree(studio, TreeRef(change.sha256, change.size))
    found = await studio.prune(apply=False)
    assert (found.objects, found.due, found.removed) == (5, 1, 0)
    assert await studio.has(lost)
    found = await studio.prune()
    assert (found.due, found.removed) == (1, 1)
    assert not await studio.has(lost)
    for kept in (first, second, full.sha256, change.sha256):
        assert await studio.has(kept)
    assert (await studio.prune()).due == 0


async def test_jobs_results_and_builds_name_objects_until_they_are_deleted(studio: Studio) -> None:
    given, made, built = await studio.put("in"), await studio.put("out"), await studio.put("game")
    ids = studio.ids
    await studio.sql(
        "insert into slate_asset_jobs (id, project_id, user_id, kind, path, inputs, options, key)"
        " values ('j1', $1, $2, 'model', 'a.obj', $3::jsonb, '{}', $4)",
        ids["project_id"], ids["user_id"],
        f'[{{"name": "a.obj", "sha256": "{given}", "size": 2}}]', "0" * 64,
    )  # fmt: skip
    await studio.sql(
        "insert into slate_asset_results (key, kind, status, result)"
        " values ($1, 'model', 'completed', $2::jsonb)",
        "0" * 64, f'{{"products": [{{"sha256": "{made}"}}]}}',
    )  # fmt: skip
    await studio.sql(
        "insert into slate_build_jobs (id, project_id, user_id, build_type, target_platform)"
        " values ('b1', $1, $2, 'development', 'linux')", ids["project_id"], ids["user_id"],
    )  # fmt: skip
    await studio.sql(
        "insert into slate_build_artifacts (build_id, attempt, path, name, size, sha256, object)"
        " values ('b1', 1, 'game', 'game', 4, $1, 'sha256/' || $1)", built,
    )  # fmt: skip
    assert (await studio.prune()).due == 0
    for table in ("slate_asset_jobs", "slate_build_jobs"):
        await studio.sql(f"update {table} set status = 'cancelled'")
        await studio.sql(f"update {table} set deleted_at = now()")
    # The result is forgotten with its last job.
    assert (await studio.prune()).removed == 3
    for sha256 in (given, built, made):
        assert not await studio.has(sha256)


async def test_nothing_goes_before_its_grace_is_over(studio: Studio) -> None:
    sha256 = await studio.put("just put")
    found = await studio.prune(grace_s=3600)
    assert (found.waiting, found.due) == (1, 0)
    assert await studio.has(sha256)
    # It was named a moment ago, however old it is.
    studio.note.unlink()
    found = await studio.prune(grace_s=0.5)
    assert (found.waiting, found.removed) == (1, 0)


async def test_upload_that_wants_an_old_object_wins_over_its_removal(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = await studio.put("wanted again")
    look: Any = ObjectCare.remove
    # As one half a day later would: it has the object stay instead of sending it.
    monkeypatch.setattr(nats_objects, "TOUCH_AFTER_S", -1.0)

    async def put_first(care: ObjectCare, one: Any) -> bool:
        assert await studio.put("wanted again") == sha256
        return await look(care, one)

    monkeypatch.setattr(ObjectCare, "remove", put_first)
    found = await studio.prune()
    assert (found.due, found.removed) == (1, 0)
    assert await studio.has(sha256)
    monkeypatch.undo()
    assert (await studio.prune()).removed == 1
    # And the other way round: what was removed is sent again.
    await studio.put("wanted again")
    assert await studio.has(sha256)


async def test_removal_that_broke_off_leaves_no_chunks(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sha256 = await studio.put("half gone")

    async def cut(*_: object) -> None:
        raise NotConnectedError("cut")

    monkeypatch.setattr(ObjectCare, "_purge", cut)
    with pytest.raises(NotConnectedError):
        await studio.prune()
    monkeypatch.undo()
    assert not await studio.has(sha256)
    assert await studio.care.purge_orphans(older_than_s=-1) == 1
    await studio.put("half gone")
    await studio.care.get(sha256, 9, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "half gone"


async def test_nothing_goes_while_a_manifest_cannot_be_read(studio: Studio) -> None:
    sha256 = await studio.put("perhaps in that tree")
    await add_tree(studio, TreeRef("1" * 64, 10))
    with pytest.raises(CommandError):
        await studio.prune()
    assert await studio.has(sha256)
