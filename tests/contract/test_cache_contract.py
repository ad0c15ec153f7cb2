"""One text for both caches: in memory, and on a real redis-server; and the reads through them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from slate_desktop.errors import CommandError
from slate_desktop.store.cache import Cache, MemoryCache, RedisCache
from slate_desktop.store.cached import CachedReads
from slate_desktop.store.database import Database
from tests.integration.store_rows import make_session
from tests.services.redis import RealRedis


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    if request.param == "memory":
        made: Cache = MemoryCache()
    else:
        made = RedisCache(request.getfixturevalue("redis").url)
    yield made
    await made.aclose()


async def test_a_value_is_kept_and_dropped(cache: Cache) -> None:
    assert await cache.get("a") is None
    await cache.put("a", b"\x00\xff")
    await cache.put("b", b"2")
    assert await cache.get("a") == b"\x00\xff"
    await cache.drop(["a", "nothing"])
    assert (await cache.get("a"), await cache.get("b")) == (None, b"2")
    await cache.drop([])


async def test_a_later_value_replaces_the_former(cache: Cache) -> None:
    await cache.put("a", b"1")
    await cache.put("a", b"2")
    assert await cache.get("a") == b"2"


@pytest.mark.postgres
async def test_an_invalidated_session_is_read_anew_at_once(
    database: Database, cache: Cache
) -> None:
    reads = CachedReads(database, cache)
    session_id = await make_session(database)
    assert (await reads.get_session(session_id)).version == 1
    assert [row.version for row in await reads.list_sessions()] == [1]
    await database.sessions.update_config(session_id, {"cpus": 2})
    assert (await reads.get_session(session_id)).version == 1
    assert [row.version for row in await reads.list_sessions()] == [1]
    await reads.invalidate_session(session_id)
    assert await reads.get_session(session_id) == await database.sessions.get(session_id)
    assert [row.version for row in await reads.list_sessions()] == [2]
    assert [row.version for row in await reads.active_sessions()] == [2]


@pytest.mark.postgres
async def test_an_invalidated_build_is_read_anew_at_once(database: Database, cache: Cache) -> None:
    reads = CachedReads(database, cache)
    row = await database.sessions.get(await make_session(database))
    build = await database.builds.create(
        project_id=row.project_id,
        user_id=row.user_id,
        build_type="staging",
        target_platform="ios",
    )
    assert await reads.get_build(build.id) == build
    assert (await reads.build_statistics()).active == 1
    assert len(await reads.active_builds()) == 1
    await database.builds.update(build.id, progress=7)
    assert (await reads.get_build(build.id)).progress == 0
    await reads.invalidate_build(build.id)
    assert (await reads.get_build(build.id)).progress == 7
    assert [b.progress for b in await reads.list_builds()] == [7]


@pytest.mark.postgres
async def test_an_absent_row_is_not_kept(database: Database, cache: Cache) -> None:
    reads = CachedReads(database, cache)
    with pytest.raises(CommandError):
        await reads.get_session("later")
    row = await database.sessions.get(await make_session(database))
    await database.sessions.create(
        project_id=row.project_id,
        user_id=row.user_id,
        runtime_type="custom",
        session_id="later",
    )
    assert (await reads.get_session("later")).id == "later"


@pytest.mark.postgres
async def test_a_read_is_at_most_30_seconds_old(database: Database) -> None:
    now = 0.0
    reads = CachedReads(database, MemoryCache(clock=lambda: now))
    session_id = await make_session(database)
    await reads.get_session(session_id)
    await reads.list_sessions()
    await database.sessions.update_config(session_id, {"cpus": 2})
    now = 29.9
    assert (await reads.get_session(session_id)).version == 1
    now = 30.1
    assert (await reads.get_session(session_id)).version == 2
    assert [row.version for row in await reads.list_sessions()] == [2]


@pytest.mark.postgres
async def test_what_changed_while_no_events_came_is_read_anew(
    database: Database, cache: Cache
) -> None:
    now = 0.0
    reads = CachedReads(database, cache, clock=lambda: now)
    session_id = await make_session(database)
    await reads.get_session(session_id)
    await reads.list_sessions()

    async def versions() -> tuple[int, int]:
        (listed,) = await reads.list_sessions()
        return (await reads.get_session(session_id)).version, listed.version

    reads.note_hearing(False)
    await database.sessions.update_config(session_id, {"cpus": 2})
    assert await versions() == (2, 2)
    await database.sessions.update_config(session_id, {"cpus": 3})
    reads.note_hearing(True)
    assert await versions() == (3, 3)
    # What others kept before may still be there; after its time the cache counts again.
    await database.sessions.update_config(session_id, {"cpus": 4})
    now = 29.9
    assert await versions() == (4, 4)
    await database.sessions.update_config(session_id, {"cpus": 5})
    now = 30.1
    assert await versions() == (4, 4)


@pytest.mark.redis
async def test_redis_itself_forgets_after_30_seconds(redis: RealRedis) -> None:
    cache = RedisCache(redis.url)
    await cache.put("a", b"1")
    left_ms = await cache._client.pttl("slate:a")
    assert 0 < left_ms <= 30_000
    await cache.aclose()


@pytest.mark.redis
async def test_a_redis_that_is_down_costs_only_speed(
    own_redis: RealRedis, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    cache = RedisCache(own_redis.url, clock=lambda: now)
    await cache.put("a", b"1")
    own_redis.stop()
    for _ in range(5):
        assert await cache.get("a") is None
        await cache.put("a", b"2")
        await cache.drop(["a"])
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1
    own_redis.start()
    now = 60.0
    await cache.put("a", b"3")
    assert await cache.get("a") == b"3"
    await cache.aclose()
