"""Who may have jobs done and end them, and what was signed."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from slate_desktop.agent.audit import AuditTrail
from slate_desktop.agent.jobs.cancel import CancelServer
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.errors import CommandError
from slate_desktop.wire.asset_messages import (
    CancelReply,
)
from slate_desktop.wire.envelope import AUDIENCE_ANY, sign_request
from slate_desktop.wire.errors import reply_or_raise
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.subjects import job_cancel
from tests.integration.job_world import Gated, JobWorld, ScriptedKind, job_world

__all__ = ["job_world"]  # the fixture ``world``
pytestmark = pytest.mark.postgres
S = AssetJobStatus


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


async def ask_cancel(world: JobWorld, job_id: str, *, key: SigningKey | None = None) -> CancelReply:
    signer = key or world.key
    bus = type(world.bus)(world.broker, public_key=signer.public)
    subject = job_cancel(job_id)
    headers = sign_request(
        signer, subject, b"{}", audience=AUDIENCE_ANY, idem="c", now_ms=time.time_ns() // 1_000_000
    )
    try:
        reply = await bus.request(subject, b"{}", headers=headers, timeout_s=20)
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
    row = await world.until_final(job.id)
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
