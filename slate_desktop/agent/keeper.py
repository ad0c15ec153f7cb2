"""Drops old lines of logs by each project's policy, a little at a time.

Only lines go: sessions, runs, requests and figures have their own times. Of a session that is not
over, lines go by age alone and never the newest; the last line of every log stays, so that numbers
go on behind it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from slate_desktop.domain.retention import LogPolicy, StoredSession, drop_for_size
from slate_desktop.errors import CommandError, DatabaseError

if TYPE_CHECKING:
    from slate_desktop.store import Database

_log = logging.getLogger(__name__)
LOOK_S = 5.0
ROUND_S = 15 * 60.0
# One statement drops so many numbers at most; the pause lets the writers of logs through.
BATCH_LINES = 20_000
PAUSE_S = 0.05
# Lines of a session that runs are recent for so many numbers, however old they are.
RECENT_LINES = 10_000
_DAY_NS = 86_400 * 10**9


class LogKeeper:
    """Looks at every project now and then, and at once where somebody asks."""

    def __init__(self, db: Database) -> None:
        self._retention = db.retention

    async def run(self, look_s: float = LOOK_S, round_s: float = ROUND_S) -> None:
        """Keep until cancelled; a database that is away is asked again later."""
        next_round_s = time.monotonic() + round_s
        while True:
            await asyncio.sleep(look_s)
            try:
                for project_id in await self._retention.requests():
                    await self._retention.finish(project_id, await self.prune(project_id))
                if time.monotonic() >= next_round_s:
                    next_round_s = time.monotonic() + round_s
                    for project_id in await self._retention.projects():
                        await self.prune(project_id)
            except (DatabaseError, CommandError) as error:
                _log.debug("logs are not pruned now", extra={"reason": str(error)})
            except Exception:  # noqa: BLE001 - the boundary of a worker
                _log.exception("pruning logs broke off")

    async def prune(self, project_id: str) -> int:
        """Drop what a project's policy does not keep; returns how many numbers that were.

        Raises:
            DatabaseError: what was dropped so far stays dropped.
        """
        policy = await self._retention.get(project_id)
        dropped = 0
        if policy.max_age_days is not None:
            for session in await self._retention.sessions(project_id):
                dropped += await self._drop(session, await self._old(session, policy))
        if policy.max_bytes is not None:
            line_bytes = await self._retention.line_bytes() or 0.0
            sessions = await self._retention.sessions(project_id)
            upto = drop_for_size(sessions, line_bytes, policy.max_bytes)
            for session in sessions:
                dropped += await self._drop(session, upto.get(session.session_id, 0))
        if dropped:
            _log.info("old lines dropped", extra={"project": project_id, "lines": dropped})
        return dropped

    async def _old(self, session: StoredSession, policy: LogPolicy) -> int:
        """Return the number of the last line that is too old, 0 for none."""
        before_ns = time.time_ns() - (policy.max_age_days or 0) * _DAY_NS
        last = await self._retention.last_before(session.session_id, before_ns) or 0
        kept = 1 if session.is_over else RECENT_LINES
        return min(last, session.last_seq - kept)

    async def _drop(self, session: StoredSession, upto: int) -> int:
        first = session.first_seq
        while first <= upto:
            last = min(upto, first + BATCH_LINES - 1)
            await self._retention.drop(session.session_id, first, last)
            first = last + 1
            await asyncio.sleep(PAUSE_S)
        return max(0, first - session.first_seq)
