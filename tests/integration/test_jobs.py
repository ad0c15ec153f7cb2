"""The machinery of jobs on real rows: claims, leases, fences, progress, repair."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from slate_desktop.agent.jobs import worker as worker_module
from slate_desktop.agent.jobs.port import Progress
from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import LEGAL_JOB_MOVES, AssetJobStatus, AssetKind
from slate_desktop.domain.jobs import Lease, Outcome
from slate_desktop.errors import CommandError, NotConnectedError
from slate_desktop.store import Database
from slate_desktop.wire.asset_messages import (
    AssetStatusEvent,
    JobProgressEvent,
    read_asset_event,
)
from tests.integration.job_world import Gated, JobWorld, ScriptedKind, job_world

__all__ = ["job_world"]  # the fixture ``world``
pytestmark = pytest.mark.postgres
S = AssetJobStatus


async def test_job_is_done_and_its_message_is_gone(world: JobWorld) -> None:
    kind = ScriptedKind(world.db)
    world.start_worker(kind)
    job = await world.submit()
    row = await world.until_final(job.id)
    assert (row.status, row.progress, row.attempt) == (S.COMPLETED, 100, 1)
    assert row.lease_owner == "w1"
    await world.until_idle()
    assert kind.delivered == [job.id]


async def test_many_jobs_run_once_each_on_several_workers(world: JobWorld) -> None:
    kinds = [ScriptedKind(world.db) for _ in range(3)]
    for number, kind in enumerate(kinds):
        world.start_worker(kind, owner=f"w{number}")
    jobs = [await world.submit() for _ in range(30)]
    for job in jobs:
        assert (await world.until_final(job.id)).attempt == 1
    begun = [job_id for kind in kinds for job_id in kind.begun]
    assert sorted(begun) == sorted(job.id for job in jobs)


async def test_message_that_comes_twice_has_one_effect(world: JobWorld) -> None:
    kind = ScriptedKind(world.db)
    job = await world.submit()
    await world.publish(job, "again")
    world.start_worker(kind)
    await world.until_final(job.id)
    await world.until_idle()
    assert kind.begun == [job.id]


async def test_urgent_job_goes_first(world: JobWorld) -> None:
    kind = ScriptedKind(world.db)
    low = await world.submit(priority=-5)
    normal = await world.submit()
    high = await world.submit(priority=50)
    world.start_worker(kind, slots=1)
    await world.until_final(low.id)
    assert kind.begun == [high.id, normal.id, low.id]


async def test_job_of_a_paused_type_waits_until_it_goes_on(world: JobWorld) -> None:
    kind = ScriptedKind(world.db)
    await world.db.assets.pause(world.project.id, AssetKind.AUDIO, user_id=world.user.id)
    world.start_worker(kind)
    job = await world.submit()
    other = await world.submit(kind=AssetKind.TEXTURE)
    await world.until_final(other.id)
    assert (await world.db.asset_jobs.get(job.id)).status is S.QUEUED
    await world.db.assets.resume(world.project.id, AssetKind.AUDIO)
    assert (await world.until_final(job.id)).status is S.COMPLETED


async def test_job_of_a_worker_that_is_gone_is_done_by_another(world: JobWorld) -> None:
    job = await world.submit()
    dead = await world.db.asset_jobs.claim(job.id, "audio", owner="dead", lease_s=0.3)
    assert dead is not None
    kind = ScriptedKind(world.db)
    world.start_worker(kind)
    row = await world.until_final(job.id)
    assert (row.status, row.attempt, row.lease_owner) == (S.COMPLETED, 2, "w1")
    # The dead one comes back: nothing that it writes has an effect.
    assert await world.db.asset_jobs.finish(dead, Outcome.failed("internal", "late")) is None
    assert await world.db.asset_jobs.extend(dead, lease_s=30) is None
    assert await world.db.asset_jobs.is_finished_by(dead) is None
    assert (await world.db.asset_jobs.get(job.id)).status is S.COMPLETED


async def test_lease_is_kept_for_work_that_takes_longer(world: JobWorld) -> None:
    work = Gated()
    kind = ScriptedKind(world.db, work)
    world.start_worker(kind, lease_s=4.0)
    world.start_worker(kind, owner="w2", lease_s=4.0)
    job = await world.submit()
    await work.begun.wait()
    await asyncio.sleep(6.0)  # more than a lease: nobody else may take it
    work.gate.set()
    assert (await world.until_final(job.id)).attempt == 1
    assert work.count == 1


async def test_result_of_a_lost_lease_is_dropped(world: JobWorld) -> None:
    work = Gated()
    kind = ScriptedKind(world.db, work)
    world.start_worker(kind, lease_s=0.6)
    job = await world.submit()
    await work.begun.wait()
    async with world.db.connection() as connection:
        await connection.execute(
            "update slate_asset_jobs set lease_owner = 'other', attempt = attempt + 1,"
            " lease_until = now() + interval '1 minute'"
        )
    work.gate.set()
    await world.until_unoccupied()
    row = await world.db.asset_jobs.get(job.id)
    assert (row.status, row.lease_owner) == (S.PROCESSING, "other")
    assert kind.delivered == []
    assert await world.queue.depth("audio") == 1


async def test_job_that_kills_its_workers_is_given_up(world: JobWorld) -> None:
    job = await world.submit()
    for number in range(3):
        lease = await world.db.asset_jobs.claim(job.id, "audio", owner="dead", lease_s=0.05)
        assert lease is not None
        assert lease.attempt == number + 1
        await asyncio.sleep(0.06)
    kind = ScriptedKind(world.db)
    world.start_worker(kind)
    row = await world.until_final(job.id)
    assert (row.status, row.error_code) == (S.FAILED, "poison")
    assert kind.begun == []


async def test_work_that_exceeds_its_time_fails(world: JobWorld) -> None:
    work = Gated()
    kind = ScriptedKind(world.db, work)
    kind.limit_s = 0.2
    world.start_worker(kind)
    job = await world.submit()
    row = await world.until_final(job.id)
    assert (row.status, row.error_code) == (S.FAILED, "asset_limit")


async def test_refused_work_fails_with_its_code(world: JobWorld) -> None:
    async def refuse(*_: object) -> Outcome:
        raise CommandError("asset_invalid", "It is not an image.")

    world.start_worker(ScriptedKind(world.db, refuse))
    row = await world.until_final((await world.submit()).id)
    assert (row.error_code, row.error_message) == ("asset_invalid", "It is not an image.")


async def test_broken_work_fails_and_the_worker_lives(
    world: JobWorld, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(*_: object) -> Outcome:
        raise ZeroDivisionError

    kind = ScriptedKind(world.db, crash)
    world.start_worker(kind)
    assert (await world.until_final((await world.submit()).id)).error_code == "internal"
    assert "a job failed" in caplog.text
    kind.work = ScriptedKind(world.db).work
    assert (await world.until_final((await world.submit()).id)).status is S.COMPLETED


async def test_message_that_cannot_be_dealt_with_does_not_end_the_worker(
    world: JobWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker_module, "_RETRY_S", 0.01)
    kind, find = ScriptedKind(world.db), world.db.asset_jobs.find
    faults = [ZeroDivisionError("a bug")]

    async def find_once_broken(job_id: str) -> AssetJob | None:
        if faults:
            raise faults.pop()
        return await find(job_id)

    monkeypatch.setattr(kind.store, "find", find_once_broken)
    world.start_worker(kind)
    first = await world.submit()
    async with asyncio.timeout(10):
        while faults:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await world.submit()  # its message wakes the worker, which takes the oldest job
    assert (await world.until_final(first.id)).status is S.COMPLETED
    assert "could not be dealt with" in caplog.text


async def test_agent_that_ends_gives_its_job_back_at_once(world: JobWorld) -> None:
    work = Gated()
    kind = ScriptedKind(world.db, work)
    world.start_worker(kind, lease_s=60)
    job = await world.submit()
    await work.begun.wait()
    worker = world.workers.pop()[1]
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    second = ScriptedKind(world.db)
    world.start_worker(second, owner="w2", lease_s=60)
    row = await world.until_final(job.id)
    assert (row.status, row.lease_owner) == (S.COMPLETED, "w2")


async def test_attempts_leave_no_directory(world: JobWorld) -> None:
    async def write(lease: Lease, directory: Path, *_: object) -> Outcome:
        (directory / "half").write_bytes(b"x")
        return Outcome.completed()

    world.start_worker(ScriptedKind(world.db, write))
    await world.until_final((await world.submit()).id)
    await world.until_unoccupied()
    assert [path for path in (world.directory / "work-w1").rglob("*") if path.is_file()] == []


async def test_progress_is_told_and_never_goes_back(world: JobWorld) -> None:
    events: list[object] = []

    async def hear(message: object) -> None:
        events.append(read_asset_event(message.data))  # type: ignore[attr-defined]

    await world.bus.subscribe("slate.job.*.*.*", hear)

    async def work(_: Lease, __: Path, progress: Progress, ___: asyncio.Event) -> Outcome:
        for fraction in (0.1, 0.5, 0.3, float("nan"), 1.5, -1.0, 0.7):
            progress(fraction, "encoding")
            await asyncio.sleep(0.3)
        return Outcome.completed()

    world.start_worker(ScriptedKind(world.db, work))
    job = await world.submit()
    await world.until_final(job.id)
    percents = [e.data.progress for e in events if isinstance(e, JobProgressEvent)]
    assert percents == [10, 50, 70]
    states = [e.data.status for e in events if isinstance(e, AssetStatusEvent)]
    assert states[0] is S.PROCESSING


async def test_lost_messages_are_published_again(world: JobWorld) -> None:
    jobs = [await world.submit() for _ in range(5)]
    world.stream.wipe()
    async with world.db.connection() as connection:
        await connection.execute(
            "update slate_asset_jobs set published_at = now() - interval '1 minute'"
        )
    kind = ScriptedKind(world.db)
    assert await world.republisher(kind).run_once() == 5
    assert await world.republisher(kind).run_once() == 0
    world.start_worker(kind)
    for job in jobs:
        assert (await world.until_final(job.id)).status is S.COMPLETED


async def test_backlog_that_is_whole_is_left_alone(world: JobWorld) -> None:
    for _ in range(5):
        await world.submit()
    async with world.db.connection() as connection:
        await connection.execute(
            "update slate_asset_jobs set published_at = now() - interval '1 hour'"
        )
    assert await world.republisher(ScriptedKind(world.db)).run_once() == 0


async def test_repair_waits_for_a_broker_that_is_away(world: JobWorld) -> None:
    world.stream.is_up = False
    with pytest.raises(NotConnectedError):
        await world.republisher(ScriptedKind(world.db)).run_once()


async def test_database_and_program_agree_on_moves(database: Database) -> None:
    async with database.connection() as connection:
        for old in S:
            for new in S:
                legal = await connection.fetchval(
                    "select slate_asset_move_is_legal($1, $2)", old.value, new.value
                )
                assert legal == (old is new or new in LEGAL_JOB_MOVES[old])
