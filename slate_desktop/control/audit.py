"""Reads the audit trail of one's projects, and writes it as a table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.control.operations import Operations
from slate_desktop.domain.ids import check_id
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.settings import files

if TYPE_CHECKING:
    from slate_desktop.domain.audit import AuditEntry

DEFAULT_LIMIT = 200
MAX_LIMIT = 5_000


class AuditOperations(Operations):
    """The part of ``Slate`` that reads what was asked of agents, and by whom."""

    async def list_audit(
        self,
        project_id: str | None = None,
        *,
        since: datetime | None = None,
        person: str | None = None,
        before: int | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> list[AuditEntry]:
        """Return what was asked in one's projects, newest first.

        Args:
            project_id: in this project only.
            since: from this time on, aware.
            person: by this person only, an id or a name.
            before: numbers below this one only, for the next page.
            limit: so many at most, 1 to 5,000.

        Raises:
            CommandError: ``bad_request``.
            DatabaseError: the database does not answer.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"The limit must be from 1 to {MAX_LIMIT}.", field="limit"
            )
        if since is not None and since.tzinfo is None:
            raise CommandError(ErrorCode.BAD_REQUEST, "The time needs a time zone.", field="since")
        return await self.db.audit.list(
            project_id=None if project_id is None else check_id(project_id, "project_id"),
            since=since,
            person=person,
            before=before,
            member=self.user.id,
            limit=limit,
        )

    async def export_audit(
        self,
        path: Path,
        project_id: str | None = None,
        *,
        since: datetime | None = None,
        person: str | None = None,
    ) -> int:
        """Write all that ``list_audit`` would give to a private CSV file; returns how many rows.

        Raises:
            CommandError: ``bad_request`` where the file cannot be written.
            DatabaseError: the database does not answer.
        """
        from slate_desktop.domain.audit import to_csv

        entries = [entry async for page in self._pages(project_id, since, person) for entry in page]
        data = await asyncio.to_thread(lambda: to_csv(entries).encode())
        try:
            await asyncio.to_thread(files.write_private, path, data)
        except OSError as error:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"{path} cannot be written: {error}", field="path"
            ) from error
        return len(entries)

    async def _pages(
        self, project_id: str | None, since: datetime | None, person: str | None
    ) -> AsyncIterator[list[AuditEntry]]:
        before: int | None = None
        while True:
            page = await self.list_audit(
                project_id, since=since, person=person, before=before, limit=MAX_LIMIT
            )
            yield page
            if len(page) < MAX_LIMIT:
                return
            before = page[-1].id
