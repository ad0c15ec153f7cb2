"""Build jobs on a real PostgreSQL."""

from __future__ import annotations

import itertools

import asyncpg
import pytest

from slate_desktop.domain.build import LEGAL_BUILD_MOVES, BuildJob, BuildStatus
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError
from slate_desktop.store.database import Database
from tests.integration.store_rows import make_project
from tests.services.postgres import PostgresDsn

pytestmark = pytest.mark.postgres
B = BuildStatus


async def make_build(db: Database, project_id: str, user_id: str, **more: str) -> BuildJob:
    return await db.builds.create(
        project_id=project_id,
        user_id=user_id,
        build_type=more.get("build_type", "development"),
        target_platform=more.get("target_platform", "linux"),
        options={"parallelJobs": 8},
    )


async def test_a_build_goes_from_queued_to_completed(database: Database) -> None:
    build = await make_build(database, *await make_project(database))
    assert (build.status, build.progress, build.options) == (B.QUEUED, 0, {"parallelJobs": 8})
    build = await database.builds.update(build.id, status=B.BUILDING, progress=40)
    assert build.started_at is not None
    build = await database.builds.update(build.id, progress=10, progress_message="linking")
    assert (build.progress, build.progress_message) == (40, "linking")
    build = await database.builds.update(
        build.id, status=B.COMPLETED, output_path="/out", artifacts=[{"name": "game"}]
    )
    assert (build.progress, build.artifacts) == (100, [{"name": "game"}])
    assert build.completed_at is not None
    with pytest.raises(CommandError) as info:
        await database.builds.update(build.id, progress=50)
    assert info.value.code is ErrorCode.ILLEGAL_STATE
    assert (await database.builds.get(build.id)).progress == 100


@pytest.mark.parametrize("progress", [-1, 101])
async def test_progress_outside_0_to_100_is_refused(database: Database, progress: int) -> None:
    build = await make_build(database, *await make_project(database))
    with pytest.raises(CommandError) as info:
        await database.builds.update(build.id, progress=progress)
    assert info.value.field == "progress"


async def test_unknown_types_and_platforms_are_refused(database: Database) -> None:
    ids = await make_project(database)
    for field, value in (("build_type", "debug"), ("target_platform", "amiga")):
        with pytest.raises(CommandError) as info:
            await make_build(database, *ids, **{field: value})
        assert (info.value.code, info.value.field) == (ErrorCode.BAD_REQUEST, field)


async def test_an_update_with_an_old_version_is_stale(database: Database) -> None:
    build = await make_build(database, *await make_project(database))
    await database.builds.update(build.id, progress_message="x")
    with pytest.raises(StaleWriteError):
        await database.builds.update(build.id, progress_message="y", version=build.version)


async def test_lists_are_newest_first_and_paged(database: Database) -> None:
    ids = await make_project(database)
    builds = [await make_build(database, *ids) for _ in range(5)]
    await database.builds.update(builds[0].id, status=B.FAILED, error_message="no")
    names = [b.id for b in reversed(builds)]
    first = await database.builds.list(project_id=ids[0], limit=3)
    rest = await database.builds.list(project_id=ids[0], before=first[-1], limit=3)
    assert [b.id for b in first + rest] == names
    assert [b.id for b in await database.builds.recent(limit=2)] == names[:2]
    assert {b.id for b in await database.builds.active()} == set(names[:4])
    assert [b.id for b in await database.builds.list(statuses=[B.FAILED])] == names[4:]
    assert await database.builds.list(project_id="other") == []


async def test_only_an_ended_build_can_be_deleted(database: Database) -> None:
    build = await make_build(database, *await make_project(database))
    with pytest.raises(CommandError) as info:
        await database.builds.delete(build.id)
    assert info.value.code is ErrorCode.ILLEGAL_STATE
    await database.builds.update(build.id, status=B.CANCELLED)
    await database.builds.delete(build.id)
    with pytest.raises(CommandError) as info:
        await database.builds.get(build.id)
    assert info.value.code is ErrorCode.NOT_FOUND


async def test_statistics_count_rates_and_durations(
    database: Database, postgres_dsn: PostgresDsn
) -> None:
    ids = await make_project(database)
    empty = await database.builds.statistics()
    assert (empty.total, empty.success_rate, empty.mean_duration_s) == (0, None, None)
    builds = [await make_build(database, *ids) for _ in range(6)]
    for build, end in zip(builds, (B.COMPLETED, B.COMPLETED, B.COMPLETED, B.FAILED), strict=False):
        await database.builds.update(build.id, status=B.BUILDING)
        await database.builds.update(build.id, status=end)
    await database.builds.update(builds[4].id, status=B.CANCELLED)
    connection = await asyncpg.connect(postgres_dsn)
    try:
        for build, seconds in zip(builds, (10, 20, 60), strict=False):
            await connection.execute(
                "update slate_build_jobs set started_at = completed_at"
                " - make_interval(secs => $2) where id = $1",
                build.id,
                seconds,
            )
    finally:
        await connection.close()
    found = await database.builds.statistics(project_id=ids[0])
    assert (found.total, found.completed, found.failed) == (6, 3, 1)
    assert (found.cancelled, found.active) == (1, 1)
    assert (found.success_rate, found.failure_rate) == (0.75, 0.25)
    assert (found.mean_duration_s, found.median_duration_s) == (30, 20)
    assert (await database.builds.statistics(project_id="other")).total == 0


async def test_the_trigger_holds_exactly_the_legal_moves(postgres_dsn: PostgresDsn) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    try:
        for old, new in itertools.product(B, B):
            is_legal = await connection.fetchval(
                "select slate_build_move_is_legal($1, $2)", old.value, new.value
            )
            assert is_legal == (old is new or new in LEGAL_BUILD_MOVES[old]), (old, new)
    finally:
        await connection.close()
