"""Keys of jobs on real rows: nothing is done twice."""

from __future__ import annotations

import asyncio

import pytest

from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.jobs import Outcome
from slate_desktop.store.asset_jobs import AssetOutcome
from tests.integration.job_world import Gated, JobWorld, ScriptedKind, job_world

__all__ = ["job_world"]  # the fixture ``world``
pytestmark = pytest.mark.postgres
S = AssetJobStatus


KEY = "ab" * 32


async def end_with(world: JobWorld, outcome: Outcome, key: str = KEY) -> None:
    """Have one job end so, after its worker found this key."""
    job = await world.insert()
    lease = await world.db.asset_jobs.claim(job.id, "audio", owner="w", lease_s=30)
    assert lease is not None
    assert await world.db.asset_jobs.note_key(lease, key)
    assert await world.db.asset_jobs.finish(lease, outcome) is not None


async def test_known_key_is_completed_at_once(world: JobWorld) -> None:
    await end_with(world, Outcome.completed(AssetOutcome(result={"products": [1]})))
    job = await world.insert(key=KEY)
    assert (job.status, job.cached, job.attempt) == (S.COMPLETED, True, 0)
    assert job.result == {"products": [1]}
    assert job.progress == 100
    rows = await world.db.assets.list(world.project.id, paths=[job.path])
    assert [(row.status, row.metadata) for row in rows] == [(S.COMPLETED, {"products": [1]})]


async def test_known_failure_is_told_at_once_unless_insisted(world: JobWorld) -> None:
    await end_with(world, Outcome.failed("asset_invalid", "No image.", AssetOutcome()))
    job = await world.insert(key=KEY)
    assert (job.status, job.error_code, job.cached) == (S.FAILED, "asset_invalid", True)
    assert (await world.insert(key=KEY, forced=True)).status is S.QUEUED


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.failed("asset_limit", "It took too long."),
        Outcome.failed("internal", "The worker failed.", AssetOutcome()),
        Outcome.cancelled(),
    ],
)
async def test_failure_that_another_try_may_mend_is_tried_again(
    world: JobWorld, outcome: Outcome
) -> None:
    await end_with(world, outcome)
    assert (await world.insert(key=KEY)).status is S.QUEUED


async def test_key_that_no_worker_found_stores_nothing(world: JobWorld) -> None:
    job = await world.insert(key=KEY)
    lease = await world.db.asset_jobs.claim(job.id, "audio", owner="w", lease_s=30)
    assert lease is not None
    await world.db.asset_jobs.finish(lease, Outcome.completed(AssetOutcome(result={})))
    assert await world.db.asset_jobs.result_of(KEY) is None


async def test_success_is_not_replaced_by_a_failure(world: JobWorld) -> None:
    await end_with(world, Outcome.completed(AssetOutcome(result={"a": 1})))
    await end_with(world, Outcome.failed("asset_crash", "It crashed.", AssetOutcome()))
    found = await world.db.asset_jobs.result_of(KEY)
    assert found is not None
    assert found.status is S.COMPLETED


async def test_jobs_with_one_key_never_run_at_once(world: JobWorld) -> None:
    work = Gated()
    world.start_worker(ScriptedKind(world.db, work), slots=4)
    jobs = [await world.submit(key=KEY) for _ in range(3)]
    await work.begun.wait()
    await asyncio.sleep(0.3)
    assert work.count == 1
    work.gate.set()
    for job in jobs:
        await world.until_final(job.id)
