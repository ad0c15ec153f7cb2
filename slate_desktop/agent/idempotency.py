"""At most one effect per idempotency key: the request's row in the database.

::

    begin → fresh     → effect → finish (success or definite failure is stored)
          → resumed     an older process began it; its session's attempt tells how far it came
          → replay      the stored answer
          → refused     idempotency_mismatch | in_progress

What this process works on is known in memory too: a row of its own epoch that it does not work on
was noted by a call whose outcome nobody learned, and an answer that the database could not take at
once is given from here until it has.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.agent.retry import until_database_answers
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode, Retry

if TYPE_CHECKING:
    from slate_desktop.store import Database
    from slate_desktop.store.requests import RequestRow

# A start may be asked of any agent; another one's is left alone for so long.
OTHER_AGENT_S = 15.0
_Key = tuple[str, str]


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was let in.

    ``stored`` is the answer that an earlier one with the same key got. ``resumed_from`` is the
    session's attempt at which an older process began the request and did not finish it; None for
    one that is new.
    """

    signer: str
    idem: str
    stored: bytes | None = None
    resumed_from: int | None = None


class _Work(msgspec.Struct):
    """A request that this process has let in: what it was, and its answer once it is known."""

    subject: str
    digest: str
    answer: bytes | None = None


class Idempotency:
    """The requests' rows.

    Args:
        db: the database.
        agent_id: this agent.
        epoch: of this agent process; a row of an older one is resumed.
        tasks: owns answers that wait for the database.
    """

    def __init__(self, db: Database, agent_id: str, epoch: int, tasks: TaskOwner) -> None:
        self._db = db
        self._agent_id = agent_id
        self._epoch = epoch
        self._tasks = tasks
        self._work: dict[_Key, _Work] = {}

    async def begin(
        self, signer: str, idem: str, subject: str, body: bytes, attempt: int
    ) -> Ticket:
        """Let a request in, or find what became of it.

        Args:
            signer: whose key signed it.
            idem: its idempotency key.
            subject: where it was sent.
            body: its bytes.
            attempt: the session's attempt now.

        Raises:
            CommandError: ``idempotency_mismatch`` for another request under the same key,
                ``in_progress`` for one that is under way.
            DatabaseError: nothing was begun.
        """
        key = (signer, idem)
        new = _Work(subject, hashlib.sha256(body).hexdigest())
        known = self._work.get(key)
        if known is not None:
            _check_same((known.subject, known.digest), new)
            if known.answer is None:
                raise in_progress()
            return Ticket(signer=signer, idem=idem, stored=known.answer)
        self._work[key] = new
        try:
            ticket = await self._begin(key, new, attempt)
        except BaseException:
            del self._work[key]
            raise
        if ticket.stored is not None:
            del self._work[key]
        return ticket

    async def finish(self, ticket: Ticket, response: bytes) -> None:
        """Store the answer, so that a repetition gets the same; later where that fails now."""
        key = (ticket.signer, ticket.idem)
        work = self._work.get(key)
        if work is not None:
            work.answer = response
        try:
            await self._store(key, response)
        except DatabaseError:
            waiting = until_database_answers(lambda: self._store(key, response))
            self._tasks.spawn(waiting, f"answer.{ticket.idem}")

    async def abandon(self, ticket: Ticket) -> None:
        """Forget a request that had no effect, so that the same key may try again."""
        # A row that stays because the database is away is begun anew by the next request.
        with contextlib.suppress(DatabaseError):
            await self._db.requests.abandon(ticket.signer, ticket.idem)
        self._work.pop((ticket.signer, ticket.idem), None)

    async def _begin(self, key: _Key, work: _Work, attempt: int) -> Ticket:
        signer, idem = key
        row = await self._db.requests.begin(
            signer,
            idem,
            subject=work.subject,
            body_sha=work.digest,
            epoch=self._epoch,
            agent_id=self._agent_id,
            attempt=attempt,
        )
        if row is None:
            return Ticket(signer=signer, idem=idem)
        _check_same((row.subject, row.body_sha), work)
        if row.response is not None:
            return Ticket(signer=signer, idem=idem, stored=row.response)
        if row.agent_id == self._agent_id and row.epoch == self._epoch:
            # Ours, and nobody works on it: it was noted, and then had no effect.
            return Ticket(signer=signer, idem=idem)
        if not self._may_take_over(row) or not await self._db.requests.take_over(
            row, agent_id=self._agent_id, epoch=self._epoch
        ):
            raise in_progress()
        return Ticket(signer=signer, idem=idem, resumed_from=row.attempt)

    def _may_take_over(self, row: RequestRow) -> bool:
        if row.agent_id in ("", self._agent_id):
            return row.epoch < self._epoch
        return row.age_s > OTHER_AGENT_S

    async def _store(self, key: _Key, response: bytes) -> None:
        await self._db.requests.finish(*key, response)
        self._work.pop(key, None)


def in_progress() -> CommandError:
    """Return the refusal of a request whose first copy is still at work."""
    return CommandError(
        ErrorCode.IN_PROGRESS,
        "this request is still being worked on; ask again with the same key",
        retry=Retry.LATER,
    )


def _check_same(known: tuple[str, str], new: _Work) -> None:
    if known != (new.subject, new.digest):
        raise CommandError(
            ErrorCode.IDEMPOTENCY_MISMATCH,
            "another request was sent with this idempotency key",
            field="idem",
        )
