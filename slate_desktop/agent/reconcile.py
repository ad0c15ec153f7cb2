"""Makes rows and runtimes agree: at the agent's start, and every 30 s.

A cycle acts only on what it could see from both sides: the rows from the database and the list from
the engine that runs them. An engine that cannot be asked is unknown, never dead. Runtimes without
this agent's label are nobody's business here.

======================  ==================  ====================================================
row                     runtime             action
======================  ==================  ====================================================
starting                none                create it again; after 10 min ``start_interrupted``
starting                any                 adopt: start it, watch it, or record its end
running                 running, exited     adopt: read its log on, watch it, record its end
running                 none                ``container_lost``
stopping                any                 adopt and stop again
stopping                none                ``stopped``
final                   any                 stop what runs for more than 60 s, read its log, remove
any, attempt above      any                 stop, remove
lost, and lives here    any                 it is what it was: this agent was away, not its runtime
none for 5 min          any                 stop, remove
======================  ==================  ====================================================
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.agent.drivers.base import Driver, Handle, RuntimeState
from slate_desktop.agent.fleet import Fleet
from slate_desktop.agent.limits import within_quotas
from slate_desktop.agent.logpump import LogPump
from slate_desktop.agent.planning import StartPlan
from slate_desktop.agent.recorder import Recorder
from slate_desktop.agent.roster import Roster
from slate_desktop.agent.trees.places import ProjectPlaces
from slate_desktop.agent.verdict import Verdict
from slate_desktop.domain.container import ContainerConfig, DriverName
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.errors import (
    CommandError,
    DatabaseError,
    ErrorCode,
    SlateError,
    StaleWriteError,
)

if TYPE_CHECKING:
    from slate_desktop.store import Database

_log = logging.getLogger(__name__)
PERIOD_S = 30.0
START_AGAIN_WITHIN = timedelta(minutes=10)
UNKNOWN_AFTER_S = 300.0
STRAY_AFTER_S = 60.0
_S = SessionStatus


class Found(msgspec.Struct, frozen=True):
    """A runtime of this agent, as its engine lists it."""

    driver: Driver
    handle: Handle
    state: RuntimeState


class Reconciler:
    """Compares rows with runtimes and acts on the difference.

    Args:
        db: for reading rows.
        recorder: the one writer.
        roster: the sessions that live here already; they are left alone.
        fleet: the drivers.
        places: where projects' files are on this host.
    """

    def __init__(
        self,
        db: Database,
        recorder: Recorder,
        roster: Roster,
        fleet: Fleet,
        places: ProjectPlaces,
    ) -> None:
        self._db = db
        self._recorder = recorder
        self._roster = roster
        self._fleet = fleet
        self._places = places
        self._first_seen_s: dict[str, float] = {}
        self._is_failing = False

    async def run(self, period_s: float = PERIOD_S) -> None:
        """Reconcile until cancelled; the caller has done the first cycle."""
        while True:
            try:
                await self._recorder.tidy()
                await asyncio.sleep(period_s)
                await self.run_once()
            except DatabaseError:
                await asyncio.sleep(period_s)  # run_once says so
            except Exception:  # noqa: BLE001 - the boundary of a worker
                _log.exception("a round of reconciliation broke off")
                await asyncio.sleep(period_s)

    async def run_once(self) -> None:
        """Do one cycle; a database or an engine that is away ends it without any act."""
        # The engines first: a session that begins between the two reads is then in the rows.
        seen, listed = await self._list_runtimes()
        try:
            rows = {
                row.id: row for row in await self._db.sessions.of_agent(self._recorder.agent_id)
            }
            self._is_failing = False
        except DatabaseError as error:
            if not self._is_failing:
                self._is_failing = True
                _log.warning("nothing can be reconciled", extra={"reason": str(error)})
            return
        by_session: dict[str, list[Found]] = {}
        for found in seen:
            by_session.setdefault(found.handle.labels.session, []).append(found)
        for session_id in {*rows, *by_session}:
            try:
                await self._settle(
                    session_id, rows.get(session_id), by_session.get(session_id, []), listed
                )
            except (SlateError, OSError) as error:
                _log.warning(
                    "a session could not be reconciled",
                    extra={"session": session_id, "reason": str(error)},
                )
        alive = {found.handle.runtime_id for found in seen}
        self._first_seen_s = {k: v for k, v in self._first_seen_s.items() if k in alive}

    async def _list_runtimes(self) -> tuple[list[Found], set[DriverName]]:
        found: list[Found] = []
        listed: set[DriverName] = set()
        for name, driver in self._fleet.drivers.items():
            try:
                runtimes = await driver.list_runtimes(self._recorder.agent_id)
            except CommandError:
                continue
            listed.add(name)
            found += [Found(driver, handle, state) for handle, state in runtimes]
        return found, listed

    async def _settle(
        self,
        session_id: str,
        row: RuntimeSession | None,
        found: list[Found],
        listed: set[DriverName],
    ) -> None:
        async with self._roster.lock(session_id):
            life = self._roster.get(session_id)
            attempt = row.attempt if row is not None else 0
            if life is not None:
                attempt = life.row.attempt
            current = [f for f in found if f.handle.labels.attempt == attempt]
            for other in found:
                if row is not None and other.handle.labels.attempt < attempt:
                    await self._sweep(other)
            if life is not None:
                if row is not None:
                    await life.found_again(row)
                return
            if row is None:
                await self._settle_unknown(session_id, current or found)
            elif row.is_live:
                # Read again under the lock: a command may have just moved it.
                fresh = await self._db.sessions.get(session_id)
                if fresh.is_live and fresh.attempt == attempt:
                    await self._settle_live(fresh, current[0] if current else None, listed)
            else:
                for item in current:
                    await self._settle_final(row, item)

    async def _settle_live(
        self, row: RuntimeSession, found: Found | None, listed: set[DriverName]
    ) -> None:
        if found is None and (row.driver is None or DriverName(row.driver) not in listed):
            return
        began_at = row.updated_at  # adopting renews it
        row = await self._recorder.adopt(row)
        if found is not None:
            await self._adopt(row, found)
        elif row.status is _S.STARTING:
            await self._start_again(row, began_at)
        elif row.status is _S.STOPPING:
            await self._recorder.finish(row, Verdict(status=_S.STOPPED), log_complete=False)
        else:
            await self._recorder.finish(row, _lost(), log_complete=False)

    async def _adopt(self, row: RuntimeSession, found: Found) -> None:
        project = await self._places.place(await self._db.projects.get(row.project_id))
        try:
            plan = await self._fleet.plan(row.container_config, project, {})
        except CommandError:
            # It runs already; how it would be started now matters for a restart only.
            name = found.handle.driver
            plan = StartPlan(driver=name, config=ContainerConfig(), argv=None, root=project.root)
        _log.info("session adopted", extra={"session": row.id, "state": found.state})
        self._roster.begin(row, found.driver, plan, handle=found.handle, state=found.state)

    async def _start_again(self, row: RuntimeSession, began_at: datetime) -> None:
        if datetime.now(UTC) - began_at > START_AGAIN_WITHIN:
            verdict = Verdict(
                status=_S.FAILED,
                error_code=ErrorCode.START_INTERRUPTED,
                error_message="the agent ended while it started the session",
            )
            await self._recorder.finish(row, verdict, log_complete=False)
            return
        project = await self._db.projects.get(row.project_id)
        try:
            project = await self._places.bring(project)
            plan = await self._fleet.plan(row.container_config, project, {})
            plan = await within_quotas(self._db, plan, row)
        except CommandError as error:
            verdict = Verdict(status=_S.FAILED, error_code=error.code, error_message=error.message)
            await self._recorder.finish(row, verdict, log_complete=False)
            return
        self._roster.begin(row, self._fleet[plan.driver], plan)

    async def _settle_final(self, row: RuntimeSession, found: Found) -> None:
        """A session that has ended keeps no runtime; what it still wrote is read first."""
        if found.state is RuntimeState.RUNNING:
            if self._age_s(found) < STRAY_AFTER_S:
                return
            await found.driver.stop(found.handle, 10.0)
        if not row.log_complete and found.state is not RuntimeState.CREATED:
            try:
                row = await self._recorder.adopt(row)
                pump = LogPump(found.driver, found.handle, self._recorder.log_sink(row))
                pump.end_with()
                await pump.run()
                if not pump.is_complete:
                    return  # the engine is away again; the next round reads it
                await self._recorder.complete_log(row)
            except StaleWriteError:
                _log.info("a log is another agent's now", extra={"session": row.id})
        await found.driver.remove(found.handle)

    async def _settle_unknown(self, session_id: str, found: list[Found]) -> None:
        """Remove our runtimes of a session that is another agent's now, or that nobody knows.

        One that the database does not know gets five minutes: it may be behind.
        """
        newest = 0
        try:
            newest = (await self._db.sessions.get(session_id)).attempt
        except CommandError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
        for item in found:
            if item.handle.labels.attempt < newest:
                _log.info("removing a runtime that was superseded", extra={"session": session_id})
                await self._sweep(item)
            elif self._age_s(item) >= UNKNOWN_AFTER_S:
                _log.warning("removing an unknown runtime", extra={"session": session_id})
                await self._sweep(item)

    async def _sweep(self, found: Found) -> None:
        if found.state is RuntimeState.RUNNING:
            await found.driver.stop(found.handle, 10.0)
        await found.driver.remove(found.handle)

    def _age_s(self, found: Found) -> float:
        """Return the seconds since this process first saw the runtime: clocks do not matter."""
        now_s = time.monotonic()
        return now_s - self._first_seen_s.setdefault(found.handle.runtime_id, now_s)


def _lost() -> Verdict:
    return Verdict(
        status=_S.FAILED,
        error_code=ErrorCode.CONTAINER_LOST,
        error_message="the runtime is gone: it was removed while no agent watched it",
    )
