"""Serves ``slate.job.cancel.*``: one agent of the queue group notes the wish in the job's row.

The order of checks is that of every command: where the answer may go → envelope → user → role.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from slate_desktop.agent.audit import AuditTrail, command_of
from slate_desktop.agent.authorize import Authorizer
from slate_desktop.agent.jobs.events import JobEvents
from slate_desktop.agent.jobs.port import JobKind
from slate_desktop.bus.port import Bus, Message
from slate_desktop.domain.jobs import JobRow
from slate_desktop.domain.project import User
from slate_desktop.domain.roles import Role
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode, NotConnectedError, Retry
from slate_desktop.wire.codec import encode
from slate_desktop.wire.envelope import Verifier, is_answerable
from slate_desktop.wire.errors import error_to_reply
from slate_desktop.wire.subjects import CANCEL_QUEUE, JOB_CANCEL_ALL, parse_job_cancel

if TYPE_CHECKING:
    from slate_desktop.store import Database

_log = logging.getLogger(__name__)
# They may end other people's jobs; everybody may end their own.
_MAY_CANCEL = frozenset({Role.OWNER, Role.DEVELOPER})


class CancelServer:
    """Takes cancellations of jobs of any sort.

    Args:
        db: the database.
        bus: the broker.
        agent_id: the audience that this agent answers to, beside ``any``.
        kinds: the sorts of jobs, with what is told at once when one runs here.
        audit: where cancellations are noted.
    """

    def __init__(
        self,
        db: Database,
        bus: Bus,
        agent_id: str,
        kinds: Sequence[tuple[JobKind, Callable[[str], None]]],
        *,
        audit: AuditTrail,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._db = db
        self._bus = bus
        self._kinds = tuple(kinds)
        self._audit = audit
        self._authorizer = Authorizer(db)
        self._verifier = Verifier(agent_id, clock_ms())
        self._clock_ms = clock_ms

    async def subscribe(self) -> None:
        """Begin to hear cancellations."""
        await self._bus.subscribe(JOB_CANCEL_ALL, self.handle, queue=CANCEL_QUEUE, concurrency=8)

    async def handle(self, message: Message) -> None:
        """Serve one request; never raises but for cancellation."""
        if message.reply and not is_answerable(message.reply, message.headers):
            return
        try:
            answer = await self._serve(message)
        except CommandError as error:
            answer = error_to_reply(error)
        except DatabaseError:
            answer = error_to_reply(
                CommandError(
                    ErrorCode.DB_UNAVAILABLE,
                    "The agent cannot reach the database now.",
                    retry=Retry.LATER,
                )
            )
        except Exception:  # noqa: BLE001 - the boundary of a worker
            _log.exception("a cancellation failed")
            answer = error_to_reply(
                CommandError(ErrorCode.INTERNAL, "The agent failed; its log says more.")
            )
        if not message.reply:
            return
        try:
            await self._bus.respond(message, answer)
        except NotConnectedError:
            _log.warning("an answer could not be sent", extra={"subject": message.subject})

    async def _serve(self, message: Message) -> bytes:
        job_id = parse_job_cancel(message.subject)
        signed = self._verifier.verify(
            message.subject,
            message.headers,
            message.data,
            message.reply,
            self._clock_ms(),
            allow_any=True,
            allow_no_reply=True,
        )
        user = await self._authorizer.user_of(signed.key)
        for kind, tell in self._kinds:
            job = await kind.store.find(job_id)
            if job is not None:
                action = f"{kind.name}.cancel"
                try:
                    await self._check(user, job)
                except CommandError as error:
                    await self._audit.refuse(signed, action, job.id, job.project_id, error)
                    raise
                noted = command_of(signed, user, action, job.id, job.project_id)
                return await self._audit.follow(noted, self._cancel(kind, job, tell))
        raise _no_such_job()

    async def _check(self, user: User, job: JobRow) -> None:
        project = await self._db.projects.get(job.project_id)
        role = await self._authorizer.role_of(user, project)
        if role is None:
            raise _no_such_job()
        if user.id != job.user_id and role not in _MAY_CANCEL:
            raise CommandError(ErrorCode.FORBIDDEN, f"A {role.value} may cancel own jobs only.")

    async def _cancel(self, kind: JobKind, job: JobRow, tell: Callable[[str], None]) -> bytes:
        changed = await kind.store.request_cancel(job.id)
        if changed is None:
            raise _no_such_job()
        tell(job.id)
        await JobEvents(self._bus, kind).status(changed)
        return encode(
            {
                "job_id": changed.id,
                "status": changed.status,
                "cancel_requested": changed.cancel_requested,
            }
        )


def _no_such_job() -> CommandError:
    return CommandError(ErrorCode.NOT_FOUND, "There is no such job.", field="job_id")
