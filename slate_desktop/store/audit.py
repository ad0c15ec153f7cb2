"""The audit trail: rows that are only added."""

from __future__ import annotations

from datetime import datetime

import msgspec

from slate_desktop.domain.audit import AuditCommand, AuditEntry
from slate_desktop.store.port import Runner

_LEFT = "The agent ended before this did; what became of it stands in its session."
_UNANSWERED = "No agent answered, and none took it up later."


class Audit:
    """Rows of ``slate_audit``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def begin(self, command: AuditCommand, agent_id: str) -> int:
        """Note that a command begins; returns the row's number for ``end``."""
        return await self._run.value(
            "begin_audit", agent_id=agent_id, **msgspec.structs.asdict(command)
        )

    async def end(self, row_id: int, agent_id: str, code: str, message: str = "") -> None:
        """Note how it ended; again is harmless."""
        await self._run.run("end_audit", id=row_id, agent_id=agent_id, code=code, message=message)

    async def end_left(self, agent_id: str) -> None:
        """Note of commands that an agent's earlier process left that their end is not known.

        For an agent that has just started. Jobs are not among them: they go on elsewhere, and
        whoever ends one ends its row.
        """
        await self._run.run(
            "end_left_audit", agent_id=agent_id, message=_LEFT, unanswered=_UNANSWERED
        )

    async def note_unanswered(self, session_id: str, action: str, idem: str) -> None:
        """Note a person's own command on a session that no agent answered; again is harmless.

        The row stays open until an agent takes the command up, or is sure that none will.
        """
        await self._run.run("note_unanswered", session_id=session_id, action=action, idem=idem)

    async def end_unanswered(self, agent_id: str) -> None:
        """End what nobody answered, for this agent or for any, and what has expired since."""
        await self._run.run("end_unanswered_audit", agent_id=agent_id, message=_UNANSWERED)

    async def refuse(self, command: AuditCommand, agent_id: str, code: str, message: str) -> None:
        """Note a command that had no effect."""
        await self._run.run(
            "insert_audit",
            agent_id=agent_id,
            code=code,
            message=message,
            **msgspec.structs.asdict(command),
        )

    async def list(
        self,
        *,
        project_id: str | None = None,
        since: datetime | None = None,
        person: str | None = None,
        before: int | None = None,
        member: str | None = None,
        limit: int,
    ) -> list[AuditEntry]:
        """Return a page of the trail, newest first.

        Args:
            project_id: of this project only.
            since: recorded at this time or later, aware.
            person: an id or a name.
            before: rows with a smaller number only: the page after one that ended there.
            member: of projects of this person only.
            limit: so many at most.
        """
        rows = await self._run.many(
            "list_audit",
            project_id=project_id,
            since=since,
            person=person,
            before=before,
            member=member,
            limit=limit,
        )
        return [msgspec.convert(dict(row), AuditEntry) for row in rows]
