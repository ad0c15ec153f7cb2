"""Whether this host is in service: what an administrator wrote into its row.

::

    in service → cordoned: no new session, build or asset job; what runs goes on
               → draining: cordoned, and its sessions are stopped; jobs that run end by themselves
"""

from __future__ import annotations

import asyncio
import logging

from slate_desktop.agent.commands import CommandServer
from slate_desktop.agent.jobs.host import JobHost
from slate_desktop.agent.roster import Roster
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.domain.project import AgentRow
from slate_desktop.errors import SlateError

_log = logging.getLogger(__name__)


class Duty:
    """Takes the host out of service, and puts it back.

    Args:
        server: takes starts.
        jobs: takes builds and asset jobs.
        roster: the sessions that live here.
        tasks: owns stops.
    """

    def __init__(
        self, server: CommandServer, jobs: JobHost, roster: Roster, tasks: TaskOwner
    ) -> None:
        self._server = server
        self._jobs = jobs
        self._roster = roster
        self._tasks = tasks
        self._reason: str | None = None
        self._stopping: set[str] = set()

    async def look(self, row: AgentRow) -> None:
        """Do what the agent's row says."""
        reason = row.cordon_reason if row.cordoned_at is not None else None
        if reason != self._reason:
            self._reason = reason
            _log.info(
                "out of service" if reason is not None else "in service", extra={"reason": reason}
            )
            await self._server.set_cordoned(reason)
            self._jobs.pause(reason is not None)
        if row.is_draining:
            for life in self._roster.all():
                if life.row.id not in self._stopping:
                    self._stopping.add(life.row.id)
                    self._tasks.spawn(self._stop(life.row.id), f"drain.{life.row.id}")

    async def _stop(self, session_id: str) -> None:
        try:
            async with self._roster.lock(session_id):
                life = self._roster.get(session_id)
                if life is not None:
                    await life.stop(None)
            if life is not None:
                await life.wait_until(lambda row: row.is_final)
        except SlateError as error:
            _log.warning(
                "a session is not stopped yet", extra={"session": session_id, "reason": str(error)}
            )
            # It is tried again at the next look.
            await asyncio.sleep(1)
        finally:
            self._stopping.discard(session_id)
