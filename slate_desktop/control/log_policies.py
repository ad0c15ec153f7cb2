"""How long logs are kept, and files of them."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.control.logs import LogOperations
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.logs import LogLevel, LogPage
from slate_desktop.domain.retention import (
    DEFAULT_LINES_PER_S,
    DEFAULT_RUN_BYTES,
    LogPolicy,
    check_policy,
)
from slate_desktop.errors import AgentOfflineError, CommandError, ErrorCode

if TYPE_CHECKING:
    from slate_desktop.control.console_chunks import LogRow

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

    async def export_logs(
        self,
        session_id: str,
        path: Path,
        *,
        min_level: LogLevel | str | None = None,
        text: str | None = None,
        is_regex: bool = False,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> int:
        """Write the stored lines of a session to a file; returns how many.

        Args:
            session_id: whose log.
            path: ``.log`` for text, ``.jsonl`` for objects; ``.gz`` behind either compresses.
            min_level: this level and heavier ones.
            text: only lines that contain it, in any case.
            is_regex: ``text`` is a regular expression.
            since_ns: from this moment on, UTC nanoseconds.
            until_ns: before this moment.

        Raises:
            CommandError: ``bad_request`` for another name.
            OSError: the file cannot be written.
        """
        from slate_desktop.control.log_export import SUFFIXES, export

        if not path.name.endswith(SUFFIXES):
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"The file's name must end with one of {', '.join(SUFFIXES)}.",
                field="path",
            )
        read = functools.partial(
            self.get_runtime_logs,
            check_id(session_id, "session_id"),
            limit=_PAGE,
            min_level=min_level,
            text=text,
            is_regex=is_regex,
            since_ns=since_ns,
            until_ns=until_ns,
        )
        return await export(self._rows(read), path)

    async def _rows(self, read: Callable[..., Awaitable[LogPage]]) -> AsyncIterator[list[LogRow]]:
        from slate_desktop.control.console_chunks import row_of

        after = 0
        while True:
            page = await read(after=after)
            yield [row_of(line) for line in page.lines]
            if not page.has_newer or not page.lines:
                return
            after = page.lines[-1].seq
