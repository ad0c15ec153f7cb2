"""At most one effect per idempotency key: the request's row in the database.

::

    begin → fresh     → effect → finish (success or definite failure is stored)
          → replay    the stored answer
          → refused   idempotency_mismatch | in_progress
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.errors import CommandError, DatabaseError, ErrorCode, Retry

if TYPE_CHECKING:
    from slate_desktop.store import Database


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was let in.

    ``stored`` is the answer that an earlier one with the same key got; ``is_resumed`` says that an
    earlier process of this agent began it and did not finish.
    """

    signer: str
    idem: str
    stored: bytes | None = None
    is_resumed: bool = False


class Idempotency:
    """The requests' rows.

    Args:
        db: the database.
        epoch: of this agent process; a row of an older one is resumed.
    """

    def __init__(self, db: Database, epoch: int) -> None:
        self._db = db
        self._epoch = epoch

    async def begin(self, signer: str, idem: str, subject: str, body: bytes) -> Ticket:
        """Let a request in, or find what became of it.

        Raises:
            CommandError: ``idempotency_mismatch`` for another request under the same key,
                ``in_progress`` for one that is under way.
            DatabaseError: nothing was recorded.
        """
        digest = hashlib.sha256(body).hexdigest()
        row = await self._db.requests.begin(
            signer, idem, subject=subject, body_sha=digest, epoch=self._epoch
        )
        if row is None:
            return Ticket(signer=signer, idem=idem)
        if (row.subject, row.body_sha) != (subject, digest):
            raise CommandError(
                ErrorCode.IDEMPOTENCY_MISMATCH,
                "another request was sent with this idempotency key",
                field="idem",
            )
        if row.response is not None:
            return Ticket(signer=signer, idem=idem, stored=row.response)
        if row.epoch == self._epoch:
            raise in_progress()
        return Ticket(signer=signer, idem=idem, is_resumed=True)

    async def finish(self, ticket: Ticket, response: bytes) -> None:
        """Store the answer, so that a repetition gets the same.

        Raises:
            DatabaseError: it was not stored.
        """
        await self._db.requests.finish(ticket.signer, ticket.idem, response)

    async def abandon(self, ticket: Ticket) -> None:
        """Forget a request that had no effect, so that the same key may try again."""
        with contextlib.suppress(DatabaseError):
            await self._db.requests.abandon(ticket.signer, ticket.idem)


def in_progress() -> CommandError:
    """Return the refusal of a request whose first copy is still at work."""
    return CommandError(
        ErrorCode.IN_PROGRESS,
        "this request is still being worked on; ask again with the same key",
        retry=Retry.LATER,
    )
