"""What clients of work queues have in common: sign a job, publish it, cancel it."""

from __future__ import annotations

import logging

import msgspec

from slate_desktop.bus.nats_queue import NatsQueue
from slate_desktop.bus.port import Bus
from slate_desktop.bus.queue import QueueSpec
from slate_desktop.control.requests import REPLY_TIMEOUT_S, Requester
from slate_desktop.domain.ids import new_id
from slate_desktop.domain.jobs import JobEnvelope
from slate_desktop.errors import OutcomeUnknownError, SlateError
from slate_desktop.wire import subjects
from slate_desktop.wire.envelope import AUDIENCE_ANY

_log = logging.getLogger(__name__)


class CancelReply(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent answers to a cancellation."""

    job_id: str
    status: str
    cancel_requested: bool


async def publish_job(
    bus: Bus, spec: QueueSpec, kind: str, job_id: str, envelope: JobEnvelope
) -> None:
    """Wake a worker. The row is what counts: where this fails, agents send the message again."""
    try:
        await NatsQueue(bus, spec).publish(
            kind, envelope.data, headers=envelope.headers, message_id=job_id
        )
    except (SlateError, TimeoutError) as error:
        _log.info("a job's message is left to the agents", extra={"reason": str(error)})


async def cancel_job(requester: Requester, job_id: str) -> CancelReply:
    """Ask that a job end; a queued one ends at once, a running one within seconds.

    Raises:
        SlateError: nobody could be asked, or the answer was no.
    """
    subject = subjects.job_cancel(job_id)
    idem = new_id()
    try:
        return await requester.send(
            subject, b"{}", CancelReply, AUDIENCE_ANY, idem, REPLY_TIMEOUT_S
        )
    except TimeoutError as exc:
        raise OutcomeUnknownError(
            "No agent answered in time; the job may end or not.",
            idem=idem,
            hint="Look at its state; asking again is safe.",
        ) from exc
