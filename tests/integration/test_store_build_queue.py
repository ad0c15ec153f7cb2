"""The order of waiting builds, and presets of projects, on a real PostgreSQL."""

from __future__ import annotations

import random

import pytest

from slate_desktop.domain.build import BuildJob, BuildStatus, BuildType, TargetPlatform
from slate_desktop.domain.builds.presets import make_preset
from slate_desktop.domain.jobs import JobEnvelope
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.store.build_leases import WorkerFacts
from slate_desktop.store.database import Database
from tests.integration.store_rows import make_project
from tests.services.postgres import PostgresDsn

pytestmark = pytest.mark.postgres
_ENVELOPE = JobEnvelope(subject="slate.build.submit.linux", headers={}, body="{}")


async def queued(db: Database, count: int) -> list[str]:
    project_id, user_id = await make_project(db)
    return [
        (
            await db.builds.create(
                project_id=project_id,
                user_id=user_id,
                build_type="staging",
                target_platform="linux",
                envelope=_ENVELOPE,
            )
        ).id
        for _ in range(count)
    ]


async def order(db: Database) -> list[str]:
    return [build.id for build in await db.builds.queue()]


async def claim(db: Database) -> str:
    facts = WorkerFacts(system="linux", drivers=("process",))
    lease = await db.build_leases.claim_fitting("linux", owner="a.1", lease_s=30.0, facts=facts)
    assert lease is not None
    row: BuildJob = lease.job.row
    return row.id


async def test_a_build_moves_before_and_after_others(database: Database) -> None:
    a, b, c, d = await queued(database, 4)
    assert await order(database) == [a, b, c, d]
    await database.builds.move(d, other_id=b)
    assert await order(database) == [a, d, b, c]
    await database.builds.move(a, other_id=b, is_after=True)
    assert await order(database) == [d, b, a, c]
    await database.builds.move(c)
    assert await order(database) == [c, d, b, a]
    await database.builds.move(c, is_after=True)
    assert await order(database) == [d, b, a, c]
    # Before itself, it stays.
    await database.builds.move(b, other_id=b)
    assert await order(database) == [d, b, a, c]
    # Workers take them so.
    assert [await claim(database) for _ in range(4)] == [d, b, a, c]


async def test_a_moved_build_takes_the_priority_of_its_neighbour(database: Database) -> None:
    a, b, c = await queued(database, 3)
    await database.builds.set_priority(c, 100)
    assert await order(database) == [c, a, b]
    # Nothing has a higher priority than 100, and still there is a place in front of it.
    moved = await database.builds.move(b)
    assert (moved.priority, await order(database)) == (100, [b, c, a])
    moved = await database.builds.move(c, other_id=a, is_after=True)
    assert (moved.priority, await order(database)) == (0, [b, a, c])


async def test_there_is_always_a_place_between_two(database: Database) -> None:
    ids = await queued(database, 6)
    dice = random.Random(7)
    expected = list(ids)
    for step in range(120):
        # Half of the moves go into the same gap again.
        build, other = dice.sample(ids, 2) if step % 2 else (expected[-1], expected[1])
        is_after = dice.random() < 0.5 and step % 2 == 1
        await database.builds.move(build, other_id=other, is_after=is_after)
        expected.remove(build)
        expected.insert(expected.index(other) + is_after, build)
        assert await order(database) == expected


async def test_what_waits_no_more_does_not_move(
    database: Database, postgres_dsn: PostgresDsn
) -> None:
    a, b = await queued(database, 2)
    assert await claim(database) == a
    for build, other in ((a, b), (b, a)):
        with pytest.raises(CommandError, match="building already") as info:
            await database.builds.move(build, other_id=other)
        assert info.value.code is ErrorCode.ILLEGAL_STATE
    with pytest.raises(CommandError) as info:
        await database.builds.move(b, other_id="nobody")
    assert info.value.code is ErrorCode.NOT_FOUND
    async with await Database.connect(postgres_dsn.user) as db:
        # Alone, it stands at the front; people may move with their own login.
        assert (await db.builds.move(b)).id == b
        assert (await db.builds.get(a)).status is BuildStatus.BUILDING


async def test_presets_are_kept_replaced_and_removed(
    database: Database, postgres_dsn: PostgresDsn
) -> None:
    project_id, _ = await make_project(database)
    async with await Database.connect(postgres_dsn.user) as db:
        presets = db.build_presets
        steam = make_preset(
            "Steam", BuildType.PRODUCTION, TargetPlatform.WINDOWS, options={"parallel_jobs": 4}
        )
        await presets.save(project_id, steam, can_replace=False)
        assert await presets.list(project_id) == [steam]
        other = make_preset("Steam", BuildType.STAGING, TargetPlatform.LINUX)
        with pytest.raises(CommandError) as info:
            await presets.save(project_id, other, can_replace=False)
        assert info.value.field == "name"
        assert await presets.list(project_id) == [steam]
        await presets.save(project_id, other, can_replace=True)
        assert await presets.list(project_id) == [other]
        await presets.delete(project_id, "Steam")
        assert await presets.list(project_id) == []
        with pytest.raises(CommandError) as info:
            await presets.delete(project_id, "Steam")
        assert info.value.code is ErrorCode.NOT_FOUND
        # A name that was removed is free.
        await presets.save(project_id, steam, can_replace=False)
        with pytest.raises(CommandError) as info:
            await presets.save("nobody", steam, can_replace=False)
        assert info.value.code is ErrorCode.NOT_FOUND
