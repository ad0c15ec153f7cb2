"""The machinery of jobs on real rows: claims, leases, fences, refusals, repair."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from slate_desktop.agent.audit import AuditTrail
from slate_desktop.agent.jobs import worker as worker_module
from slate_desktop.agent.jobs.cancel import CancelServer
from slate_desktop.agent.jobs.port import Progress
from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import LEGAL_JOB_MOVES, AssetJobStatus, AssetKind
from slate_desktop.domain.jobs import Lease, Outcome
from slate_desktop.errors import CommandError, NotConnectedError
from slate_desktop.store import Database
from slate_desktop.store.asset_jobs import AssetOutcome
from slate_desktop.wire.asset_messages import (
    AssetStatusEvent,
    CancelReply,
    JobProgressEvent,
    read_asset_event,
)
from slate_desktop.wire.envelope import AUDIENCE_ANY, sign_request
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.messages import reply_or_raise
from slate_desktop.wire.subjects import job_cancel
from tests.integration.job_world import JobWorld, ScriptedKind

pytestmark = pytest.mark.postgres
S = AssetJobStatus


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[JobWorld]:
    made = JobWorld(database, tmp_path)
    await made.open()
    yield made
    await made.close()


class Gated:
    """Work that waits until the test lets it end."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()
        self.count = 0

    async def __call__(
        self, lease: Lease, directory: Path, progress: Progress, cancel: asyncio.Event
    ) -> Outcome:
        self.count += 1
        self.begun.set()
        ending = asyncio.create_task(cancel.wait())
        opening = asyncio.create_task(self.gate.wait())
        try:
            await asyncio.wait({ending, opening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            opening.cancel()
        return Outcome.cancelled() if cancel.is_set() else Outcome.completed()


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
    world.start_worker(kind, lease_s=0.3)
    world.start_worker(kind, owner="w2", lease_s=0.3)
    job = await world.submit()
    await work.begun.wait()
    await asyncio.sleep(1.0)  # more than three leases: nobody else may take it
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
            "update slate_asset_jobs set lease_owner = 'other', attempt = attempt + 1"
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
    row = await world.until_final(job.id, timeout_s=5)
    assert (row.status, row.lease_owner) == (S.COMPLETED, "w2")


async def test_attempts_leave_no_directory(world: JobWorld) -> None:
    async def write(lease: Lease, directory: Path, *_: object) -> Outcome:
        (directory / "half").write_bytes(b"x")
        return Outcome.completed()

    world.start_worker(ScriptedKind(world.db, write))
    await world.until_final((await world.submit()).id)
    await world.until_unoccupied()
    assert [path for path in (world.directory / "work-w1").rglob("*") if path.is_file()] == []


# -- who may have jobs done, and what was signed ---------------------------------------------------


async def refused(world: JobWorld, job_id: str) -> str | None:
    kind = ScriptedKind(world.db)
    world.start_worker(kind)
    row = await world.until_final(job_id)
    assert row.status is S.FAILED
    assert kind.begun == []
    await world.until_idle()
    return row.error_code


async def test_message_edited_in_the_stream_fails_the_job(world: JobWorld) -> None:
    job = await world.insert()
    assert job.envelope is not None
    body = job.envelope.data.replace(b'"priority":0', b'"priority":9')
    await world.queue.publish("audio", body, headers=job.envelope.headers, message_id="m")
    assert await refused(world, job.id) == "bad_signature"


async def test_message_made_up_by_somebody_changes_nothing(world: JobWorld) -> None:
    job, other = await world.insert(), await world.insert()
    assert job.envelope is not None
    assert other.envelope is not None
    headers = other.envelope.headers | {"Slate-Idem": job.id}
    await world.queue.publish("audio", b"{}", headers=headers, message_id="m1")
    await world.queue.publish("audio", b"{}", headers={"Slate-Idem": "nobody"}, message_id="m2")
    await world.queue.publish("audio", b"not a job", message_id="m3")
    kind = ScriptedKind(world.db)
    worker = world.start_worker(kind)
    await world.until_idle()
    assert worker.dropped_messages == 3
    assert (await world.db.asset_jobs.get(job.id)).status is S.QUEUED
    assert kind.begun == []


async def test_row_that_was_not_signed_so_is_refused(world: JobWorld) -> None:
    job = await world.submit(edit=lambda body: msgspec.structs.replace(body, priority=7))
    assert await refused(world, job.id) == "bad_signature"


async def test_job_signed_by_another_person_is_refused(world: JobWorld) -> None:
    other = SigningKey.generate()
    await world.db.users.create("other", other.public)
    assert await refused(world, (await world.submit(signer=other)).id) == "bad_signature"


async def test_job_of_an_unknown_key_is_refused(world: JobWorld) -> None:
    job = await world.submit(signer=SigningKey.generate())
    assert await refused(world, job.id) == "forbidden"


async def test_job_of_somebody_who_is_no_member_is_refused(world: JobWorld) -> None:
    key = SigningKey.generate()
    stranger = await world.db.users.create("stranger", key.public)
    assert await refused(world, (await world.submit(signer=key, user=stranger)).id) == "not_found"


async def test_message_of_a_deleted_project_is_dropped(world: JobWorld) -> None:
    job = await world.submit()
    await world.db.projects.remove(world.project.id)
    kind = ScriptedKind(world.db)
    worker = world.start_worker(kind)
    await world.until_idle()
    assert worker.dropped_messages == 1
    assert kind.begun == []
    assert (await world.db.asset_jobs.get(job.id)).status is S.QUEUED


async def test_same_id_with_other_options_is_a_mismatch(world: JobWorld) -> None:
    job = await world.insert()
    again = await world.insert(job_id=job.id, path=job.path, key=job.key)
    assert again.id == job.id
    with pytest.raises(CommandError) as caught:
        await world.insert(job_id=job.id, path=job.path, key=job.key, options={"quality": 1})
    assert caught.value.code == "idempotency_mismatch"


# -- never twice -----------------------------------------------------------------------------------

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


# -- progress, cancellation, repair ----------------------------------------------------------------


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


async def ask_cancel(world: JobWorld, job_id: str, *, key: SigningKey | None = None) -> CancelReply:
    signer = key or world.key
    bus = type(world.bus)(world.broker, public_key=signer.public)
    subject = job_cancel(job_id)
    headers = sign_request(
        signer, subject, b"{}", audience=AUDIENCE_ANY, idem="c", now_ms=time.time_ns() // 1_000_000
    )
    try:
        reply = await bus.request(subject, b"{}", headers=headers, timeout_s=5)
    finally:
        await bus.aclose()
    return reply_or_raise(reply.data, CancelReply)


async def serve_cancels(world: JobWorld, kind: ScriptedKind) -> None:
    trail = AuditTrail(world.db, "agent", world.tasks)
    server = CancelServer(world.db, world.bus, "agent", [(kind, lambda _: None)], audit=trail)
    await server.subscribe()


async def test_running_job_is_cancelled(world: JobWorld) -> None:
    work = Gated()
    kind = ScriptedKind(world.db, work)
    world.start_worker(kind)
    await serve_cancels(world, kind)
    job = await world.submit()
    await work.begun.wait()
    reply = await ask_cancel(world, job.id)
    assert (reply.status, reply.cancel_requested) == ("processing", True)
    row = await world.until_final(job.id, timeout_s=5)
    assert (row.status, row.error_code) == (S.CANCELLED, "cancelled")


async def test_queued_job_is_cancelled_at_once(world: JobWorld) -> None:
    kind = ScriptedKind(world.db)
    await serve_cancels(world, kind)
    job = await world.submit()
    assert (await ask_cancel(world, job.id)).status == "cancelled"
    world.start_worker(kind)
    await world.until_idle()
    assert kind.begun == []


async def test_job_that_has_ended_stays_as_it_is(world: JobWorld) -> None:
    kind = ScriptedKind(world.db)
    world.start_worker(kind)
    await serve_cancels(world, kind)
    job = await world.submit()
    await world.until_final(job.id)
    assert (await ask_cancel(world, job.id)).status == "completed"


async def test_somebody_else_may_not_cancel(world: JobWorld) -> None:
    kind = ScriptedKind(world.db)
    await serve_cancels(world, kind)
    job = await world.insert()
    stranger = SigningKey.generate()
    await world.db.users.create("stranger", stranger.public)
    for who, code in ((stranger, "not_found"), (SigningKey.generate(), "forbidden")):
        with pytest.raises(CommandError) as caught:
            await ask_cancel(world, job.id, key=who)
        assert caught.value.code == code
    with pytest.raises(CommandError) as caught:
        await ask_cancel(world, "nobody")
    assert caught.value.code == "not_found"
    assert not (await world.db.asset_jobs.get(job.id)).cancel_requested


async def test_cancelled_job_of_a_dead_worker_ends(world: JobWorld) -> None:
    kind = ScriptedKind(world.db)
    job = await world.insert()
    assert await world.db.asset_jobs.claim(job.id, "audio", owner="dead", lease_s=0.2)
    changed = await world.db.asset_jobs.request_cancel(job.id)
    assert changed is not None
    assert changed.status == "processing"
    await asyncio.sleep(0.25)
    await world.republisher(kind).run_once()
    assert (await world.db.asset_jobs.get(job.id)).status is S.CANCELLED


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
