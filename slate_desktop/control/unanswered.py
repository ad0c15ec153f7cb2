"""Notes in the audit trail which commands no agent answered: no agent can do it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from slate_desktop.domain.ids import new_id
from slate_desktop.domain.roles import Operation
from slate_desktop.errors import AgentOfflineError, OutcomeUnknownError, SlateError
from slate_desktop.store import Database

_log = logging.getLogger(__name__)


@asynccontextmanager
async def unanswered_noted(
    db: Database, operation: Operation, session_id: str
) -> AsyncIterator[None]:
    """Note a command on a session that ends without an answer, and let its error pass.

    A command that may have arrived is noted under its key, so that the agent that took it up after
    all ends the very row. A database that is away keeps nobody from the error.
    """
    try:
        yield
    except (AgentOfflineError, OutcomeUnknownError) as error:
        idem = error.idem if isinstance(error, OutcomeUnknownError) else new_id()
        try:
            await db.audit.note_unanswered(session_id, f"session.{operation}", idem)
        except SlateError as fault:
            _log.warning("a command is not in the audit trail", extra={"reason": str(fault)})
        raise
