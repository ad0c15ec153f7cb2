"""How long logs are kept, and files of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from slate_desktop.control.console_chunks import LogRow, row_of
from slate_desktop.control.log_export import SUFFIXES, export
from slate_desktop.control.logs import LogOperations
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.retention import (
    DEFAULT_LINES_PER_S,
    DEFAULT_RUN_BYTES,
    LogPolicy,
    check_policy,
)
from slate_desktop.errors import AgentOfflineError, CommandError, ErrorCode

_PAGE = 10_000
_ASK_S = 0.5


class LogPolicyOperations(LogOperations):
    """Policies of projects' logs."""

    async def get_log_policy(self, project_id: str) -> LogPolicy:
        """Return what is kept of a project's logs."""
        return await self.db.retention.get(check_id(project_id, "project_id"))

    async def set_log_policy(
        self,
        project_id: str,
        *,
        max_age_days: int | None,
        max_bytes: int | None,
        lines_per_s: int | None = DEFAULT_LINES_PER_S,
        run_bytes: int | None = DEFAULT_RUN_BYTES,
    ) -> LogPolicy:
        """Change what is kept of a project's logs, and what a run may write; None is any.

        Raises:
            CommandError: ``bad_request``, or ``not_found``.
        """
        policy = check_policy(max_age_days, max_bytes, lines_per_s, run_bytes)
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        await self.db.retention.set(project.id, policy)
        return await self.db.retention.get(project.id)

    async def prune_logs(self, project_id: str, *, timeout_s: float = 60.0) -> LogPolicy:
        """Have an agent drop now what the policy does not keep; returns the policy afterwards.

        Args:
            project_id: whose logs.
            timeout_s: how long to wait for an agent, in seconds.

        Raises:
            AgentOfflineError: no agent has done it in time; one does it when it is there.
            CommandError: ``not_found``.
        """
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        asked_at = await self.db.retention.request(project.id)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    policy = await self.db.retention.get(project.id)
                    if policy.pruned_at is not None and policy.pruned_at >= asked_at:
                        return policy
                    await asyncio.sleep(_ASK_S)
        except TimeoutError as exc:
            raise AgentOfflineError("No agent has dropped the old lines yet.") from exc

    async def export_logs(self, session_id: str, path: Path) -> int:
        """Write every stored line of a session to a file; returns how many.

        Args:
            session_id: whose log.
            path: ``.log`` for text, ``.jsonl`` for objects; ``.gz`` behind either compresses.

        Raises:
            CommandError: ``bad_request`` for another name.
            OSError: the file cannot be written.
        """
        if not path.name.endswith(SUFFIXES):
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"The file's name must end with one of {', '.join(SUFFIXES)}.",
                field="path",
            )
        return await export(self._rows(check_id(session_id, "session_id")), path)

    async def _rows(self, session_id: str) -> AsyncIterator[list[LogRow]]:
        after = 0
        while True:
            page = await self.get_runtime_logs(session_id, limit=_PAGE, after=after)
            yield [row_of(line) for line in page.lines]
            if not page.has_newer or not page.lines:
                return
            after = page.lines[-1].seq
