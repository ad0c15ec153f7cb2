"""From an effect to its answer: the refusal that stands for each failure, and what is kept."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from slate_desktop.agent.idempotency import Idempotency, Ticket
from slate_desktop.domain.ids import new_id
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode, Retry, StaleWriteError
from slate_desktop.wire.codec import encode
from slate_desktop.wire.errors import error_to_reply

_log = logging.getLogger(__name__)


# An answer leaves within two seconds, with what was reached so far.
ANSWER_WITHIN_S = 1.8


async def answer_once(idempotency: Idempotency, ticket: Ticket, effect: Awaitable[object]) -> bytes:
    """Have the effect and store its answer under the ticket's key; returns the answer.

    A failure that may pass is not stored: the same key may try again.
    """
    try:
        reply = encode(await effect)
    except Exception as error:  # noqa: BLE001 - the boundary of a worker
        refusal = refusal_of(error)
        reply = error_to_reply(refusal)
        if refusal.retry is not Retry.NEVER:
            await idempotency.abandon(ticket)
            return reply
    await idempotency.finish(ticket, reply)
    return reply


def refusal_of(error: Exception) -> CommandError:
    """Return the refusal that stands for an exception; one nobody expected goes into the log."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, DatabaseError):
        return database_away()
    if isinstance(error, StaleWriteError):
        return moved_on()
    incident = new_id()
    _log.error("a request failed", exc_info=error, extra={"incident": incident})
    return CommandError(
        ErrorCode.INTERNAL, "the agent failed; its log says why", details={"incident": incident}
    )


def database_away() -> CommandError:
    """Return the refusal while the database does not answer."""
    return CommandError(
        ErrorCode.DB_UNAVAILABLE,
        "the database is away; nothing was changed, and running sessions go on",
        retry=Retry.LATER,
    )


def moved_on() -> CommandError:
    """Return the refusal of a change to a row that has just got another version or owner."""
    return CommandError(
        ErrorCode.ILLEGAL_STATE,
        "the session has just been changed by somebody else; look at it and ask again",
        retry=Retry.LATER,
    )
