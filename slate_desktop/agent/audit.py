"""Writes the audit trail: nothing that was signed has its effect without a row of it.

::

    command let in → row (no end yet) → effect → the row's end: ok, or the error's code
           └ refused → row with the refusal

A command whose row cannot be written has no effect. Requests for figures come every second and
change nothing: of them only refusals are noted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from slate_desktop.agent.answers import refusal_of
from slate_desktop.agent.retry import until_database_answers
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.domain.audit import MAX_TEXT, OK, AuditCommand, moment_of_ms
from slate_desktop.domain.project import User
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode, SlateError
from slate_desktop.log.redact import redact
from slate_desktop.wire.envelope import SignedBy

if TYPE_CHECKING:
    from slate_desktop.store import Database

_log = logging.getLogger(__name__)
T = TypeVar("T")
SETTLE_S = 60.0
# Not a refusal of what was asked: the same key may ask again.
_PASSING = frozenset({ErrorCode.IN_PROGRESS, ErrorCode.BUSY, ErrorCode.DB_UNAVAILABLE})


class AuditTrail:
    """The trail as one agent writes it.

    Args:
        db: the database.
        agent_id: this agent.
        tasks: owns ends that wait for the database.
    """

    def __init__(self, db: Database, agent_id: str, tasks: TaskOwner) -> None:
        self._db = db
        self._agent_id = agent_id
        self._tasks = tasks

    async def follow(self, command: AuditCommand, effect: Coroutine[Any, Any, T]) -> T:
        """Note a command, have its effect, and note how that ended.

        Raises:
            DatabaseError: the row cannot be written; there was no effect.
            CommandError: what stands for any error of the effect.
        """
        try:
            row_id = await self._db.audit.begin(command, self._agent_id)
        except BaseException:
            effect.close()
            raise
        try:
            result = await effect
        except Exception as error:
            refusal = refusal_of(error)
            await self.end(row_id, refusal.code.value, refusal.message)
            raise refusal from error
        await self.end(row_id, OK)
        return result

    async def settle(self) -> None:
        """End what nobody answered, every minute until cancelled."""
        while True:
            await asyncio.sleep(SETTLE_S)
            try:
                await self._db.audit.end_unanswered(self._agent_id)
            except DatabaseError as error:
                _log.debug("open rows are not looked at now", extra={"reason": str(error)})

    async def begin(self, command: AuditCommand) -> int:
        """Note that a command begins; returns the number for ``end``."""
        return await self._db.audit.begin(command, self._agent_id)

    async def end(self, row_id: int, code: str, message: str = "") -> None:
        """Note how a command ended; later where the database is away now."""
        text = clipped(message)
        try:
            await self._db.audit.end(row_id, self._agent_id, code, text)
        except DatabaseError:
            waiting = until_database_answers(
                lambda: self._db.audit.end(row_id, self._agent_id, code, text)
            )
            self._tasks.spawn(waiting, f"audit.{row_id}")

    async def refuse(
        self, signed: SignedBy, action: str, target: str, project_id: str, error: CommandError
    ) -> None:
        """Note a refusal, if it is known who asked; never raises for a database that is away."""
        if error.code in _PASSING:
            return
        try:
            user = await self._db.users.get_by_pubkey(signed.key)
            if user is None:
                return
            command = command_of(signed, user, action, target, project_id)
            await self._db.audit.refuse(
                command, self._agent_id, error.code.value, clipped(error.message)
            )
        except SlateError as fault:
            _log.warning("a refusal is not in the audit trail", extra={"reason": str(fault)})


def command_of(
    signed: SignedBy, user: User, action: str, target: str, project_id: str, detail: str = ""
) -> AuditCommand:
    """Return what is noted of a signed request."""
    return AuditCommand(
        project_id=project_id,
        user_id=user.id,
        signer=signed.key,
        idem=signed.idem,
        action=action,
        target=target,
        detail=clipped(detail),
        asked_at=moment_of_ms(signed.iat_ms),
    )


def clipped(text: str) -> str:
    """Return ``text`` without secrets and NUL, and no longer than the trail keeps."""
    text = redact(text).replace("\x00", "").encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
