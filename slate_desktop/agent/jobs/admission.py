"""Whether a job may be worked on: who signed it, what was signed, and what that person may do.

The envelope in the row is what counts. A message of the queue only wakes a worker; one that does
not carry the row's envelope was edited on its way or made up by somebody.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from slate_desktop.agent.authorize import Authorizer
from slate_desktop.agent.jobs.port import JobKind
from slate_desktop.bus.queue import Delivery
from slate_desktop.domain.ids import is_id
from slate_desktop.domain.jobs import JobRow
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire.envelope import ALL_HEADERS, H_IDEM, H_NONCE, verify_job

if TYPE_CHECKING:
    from slate_desktop.store import Database


class MessageVerdict(enum.Enum):
    """What a message of the queue is, compared with the row that it names."""

    GENUINE = enum.auto()
    # It carries the row's nonce, which nobody can guess, but not what was signed with it.
    EDITED = enum.auto()
    FOREIGN = enum.auto()


def job_id_of(delivery: Delivery) -> str | None:
    """Return the job that a message names; None when it names none."""
    job_id = delivery.headers.get(H_IDEM)
    return job_id if is_id(job_id) else None


def judge_message(delivery: Delivery, job: JobRow) -> MessageVerdict:
    """Compare a message with its row."""
    envelope = job.envelope
    if envelope is None:
        return MessageVerdict.FOREIGN
    headers = _envelope_headers(delivery.headers)
    is_same = (
        headers == _envelope_headers(envelope.headers)
        and delivery.data == envelope.data
        and delivery.subject == envelope.subject
    )
    if is_same:
        return MessageVerdict.GENUINE
    nonce = envelope.headers.get(H_NONCE)
    is_edited = bool(nonce) and headers.get(H_NONCE) == nonce
    return MessageVerdict.EDITED if is_edited else MessageVerdict.FOREIGN


class Admission:
    """Checks the envelope of a row that was claimed.

    Args:
        db: the database.
        clock_ms: UTC milliseconds, for tests.
    """

    def __init__(
        self,
        db: Database,
        *,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._db = db
        self._authorizer = Authorizer(db)
        self._clock_ms = clock_ms

    async def check(self, kind: JobKind, job: JobRow) -> None:
        """Let a job be worked on, or refuse it.

        Raises:
            CommandError: with the code that becomes the job's.
            DatabaseError: nobody can be let in now.
        """
        envelope = job.envelope
        if envelope is None:
            raise CommandError(ErrorCode.UNSIGNED, "The job carries no signature.")
        signed = verify_job(envelope.subject, envelope.headers, envelope.data, self._clock_ms())
        if signed.idem != job.id:
            raise _not_signed("the signature is another job's")
        user = await self._authorizer.user_of(signed.key)
        if user.id != job.user_id:
            raise _not_signed("it was signed by somebody else than its user")
        project = await self._db.projects.get(job.project_id)
        role = await self._authorizer.role_of(user, project)
        if role is None:
            raise CommandError(ErrorCode.NOT_FOUND, "There is no such project.")
        if not kind.allows(role):
            raise CommandError(
                ErrorCode.FORBIDDEN,
                f"A {role.value} of {project.name!r} may not have {kind.name} jobs done.",
                hint="Ask an owner of the project.",
            )
        kind.check(job)


def _envelope_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ALL_HEADERS if name in headers}


def _not_signed(reason: str) -> CommandError:
    return CommandError(ErrorCode.BAD_SIGNATURE, f"The job cannot be trusted: {reason}.")
