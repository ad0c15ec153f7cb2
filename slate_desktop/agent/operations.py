"""The effects of the commands, after everything was checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from slate_desktop.agent.fleet import Fleet
from slate_desktop.agent.idempotency import in_progress
from slate_desktop.agent.limits import within_quotas
from slate_desktop.agent.planning import StartPlan
from slate_desktop.agent.recorder import Recorder
from slate_desktop.agent.roster import Roster
from slate_desktop.agent.supervisor import Life
from slate_desktop.agent.trees.places import ProjectPlaces
from slate_desktop.domain.container import join_overrides
from slate_desktop.domain.ids import is_id
from slate_desktop.domain.logs import LogRecord
from slate_desktop.domain.project import Project
from slate_desktop.domain.roles import Operation
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.errors import CommandError, ErrorCode, Retry
from slate_desktop.wire.agent_messages import AddLineRequest
from slate_desktop.wire.codec import encode
from slate_desktop.wire.messages import (
    ExecReply,
    ExecuteRequest,
    RestartRequest,
    SessionReply,
    StartRequest,
    StatsReply,
    StatsRequest,
    StopRequest,
    UpdateRequest,
    read_execute,
    read_restart,
    read_start,
    read_stats,
    read_stop,
    read_update,
    session_reply,
)
from slate_desktop.wire.output import fit_output

if TYPE_CHECKING:
    from slate_desktop.store import Database

_S = SessionStatus
Request = (
    StartRequest | StopRequest | RestartRequest | ExecuteRequest | StatsRequest | UpdateRequest
)
Reply = SessionReply | ExecReply | StatsReply
_READERS = {
    Operation.START: read_start,
    Operation.STOP: read_stop,
    Operation.RESTART: read_restart,
    Operation.EXECUTE: read_execute,
    Operation.STATS: read_stats,
    Operation.UPDATE: read_update,
}
_STARTABLE = frozenset({_S.CREATING, _S.STOPPED, _S.FAILED, _S.LOST})


def read_request(operation: Operation, body: bytes) -> Request:
    """Read the body of a command.

    Raises:
        CommandError: what is wrong with it.
    """
    return _READERS[operation](body)


class Operations:
    """Start, stop, restart, execute, stats and update on this agent.

    Args:
        db: for reading rows.
        recorder: the one writer.
        roster: the sessions that live here.
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

    async def find(self, session_id: str) -> tuple[RuntimeSession, Project]:
        """Return a session and its project.

        Raises:
            CommandError: ``not_found``.
            DatabaseError: it cannot be known now.
        """
        row = await self._db.sessions.get(session_id)
        project = await self._db.projects.get(row.project_id)
        return row, project

    async def find_or_create(
        self, session_id: str, request: StartRequest
    ) -> tuple[RuntimeSession, Project]:
        """Return a session, made from the request when there is none yet.

        The original system's clients bring the session's id and name the project in the body or in
        the environment; an id or a name of a project is understood.

        Raises:
            CommandError: ``not_found`` when no project is named, or none of that name exists.
            DatabaseError: it cannot be known now.
        """
        try:
            return await self.find(session_id)
        except CommandError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
        project = await self._named_project(request)
        row = await self._db.sessions.create(
            session_id=session_id,
            project_id=project.id,
            user_id=project.owner_id,
            runtime_type=project.engine.value,
            container_config=request.overrides,
        )
        return row, project

    async def _named_project(self, request: StartRequest) -> Project:
        env = request.overrides.get("env")
        name = request.project_id or (env.get("PROJECT_ID") if isinstance(env, dict) else None)
        if isinstance(name, str):
            if is_id(name):
                try:
                    return await self._db.projects.get(name)
                except CommandError as error:
                    if error.code is not ErrorCode.NOT_FOUND:
                        raise
            project = await self._db.projects.find_by_name(name)
            if project is not None:
                return project
        raise CommandError(
            ErrorCode.NOT_FOUND,
            "there is no such session, and the request names no project that exists",
            field="projectId",
            hint="add the project first, and name it as projectId or in env as PROJECT_ID",
        )

    async def run(
        self,
        operation: Operation,
        row: RuntimeSession,
        project: Project,
        request: Request,
        *,
        resumed_from: int | None = None,
    ) -> Reply:
        """Have the effect and return its result.

        Args:
            operation: what to do.
            row: the session as it was when the request was let in.
            project: the session's project.
            request: the body.
            resumed_from: the session's attempt at which an earlier process began the same request;
                None for a new one. A later attempt is that request's effect.

        Raises:
            CommandError: a definite failure, or one that may pass (``retry``).
        """
        match request:
            case StartRequest():
                return await self._start(row, project, request.overrides, resumed_from=resumed_from)
            case StopRequest():
                return await self._stop(row, request.grace_s)
            case RestartRequest():
                return await self._restart(row, project, request.grace_s, resumed_from=resumed_from)
            case ExecuteRequest() if resumed_from is not None:
                # A command is not run twice: what became of the first one, nobody knows.
                raise CommandError(
                    ErrorCode.CANCELLED,
                    "the agent was restarted while this command ran; it may have ended or not",
                    hint="look at what it was to do, then run it again if need be",
                )
            case ExecuteRequest():
                life = self._life(row, operation)
                result = await life.execute(request.argv, request.timeout_s)
                return fit_output(ExecReply(**msgspec.structs.asdict(result)))
            case StatsRequest():
                return await self._stats(row)
            case UpdateRequest():
                life = self._life(row, operation)
                return session_reply(await life.update(request.memory_bytes, request.cpus))

    async def add_line(self, row: RuntimeSession, request: AddLineRequest) -> LogRecord:
        """Add a person's line to a session's log; returns it as it was numbered.

        Raises:
            DatabaseError: it was not stored, or nobody knows.
            StaleWriteError: the log ended before the line was known to be stored.
        """
        life = self._roster.get(row.id)
        target = self._recorder.log_sink(row).add if life is None else life.add_line
        return await target(request.level, request.message, request.metadata)

    def reached(self, operation: Operation, row: RuntimeSession) -> bytes:
        """Return the answer for an effect that takes longer than an answer may.

        Raises:
            CommandError: ``in_progress`` for a command whose result is still to come.
        """
        if operation is Operation.EXECUTE:
            raise in_progress()
        life = self._roster.get(row.id)
        return encode(session_reply(life.row if life is not None else row))

    async def _start(
        self,
        row: RuntimeSession,
        project: Project,
        body: dict[str, object],
        *,
        resumed_from: int | None,
    ) -> SessionReply:
        async with self._roster.lock(row.id):
            row = await self._db.sessions.get(row.id)
            if _is_done(row, resumed_from):
                return session_reply(row)
            if row.status not in _STARTABLE:
                raise CommandError(
                    ErrorCode.ILLEGAL_STATE, f"the session is already {row.status.value}"
                )
            project = await self._places.bring(project)
            plan = await self._fleet.plan(row.container_config, project, body)
            plan = await within_quotas(self._db, plan, row)
            driver = self._fleet[plan.driver]
            await driver.check(plan.spec(self._recorder.preview_claim(row)))
            config = join_overrides(row.container_config, body) if body else None
            row = await self._recorder.claim(row, plan, config)
            life = self._roster.begin(row, driver, plan)
        if plan.notes:
            await self._recorder.publish_status(row, note=" ".join(plan.notes))
        attempt = row.attempt
        row = await life.wait_until(lambda r: r.attempt != attempt or r.status is not _S.STARTING)
        return _started(life, row, plan)

    async def _stop(self, row: RuntimeSession, grace_s: float | None) -> SessionReply:
        async with self._roster.lock(row.id):
            row = await self._db.sessions.get(row.id)
            if row.is_final:
                return session_reply(row)
            if row.status is _S.CREATING:
                return session_reply(await self._recorder.stopped_before_start(row))
            life = self._life(row, Operation.STOP)
            await life.stop(grace_s)
        return session_reply(await life.wait_until(lambda r: r.is_final))

    async def _restart(
        self,
        row: RuntimeSession,
        project: Project,
        grace_s: float | None,
        *,
        resumed_from: int | None,
    ) -> SessionReply:
        if _is_done(row, resumed_from):
            return session_reply(row)
        if row.status in _STARTABLE:
            return await self._start(row, project, {}, resumed_from=resumed_from)
        async with self._roster.lock(row.id):
            life = self._life(row, Operation.RESTART)
            project = await self._places.bring(project)
            plan = await self._fleet.plan(row.container_config, project, life.changed_limits)
            plan = await within_quotas(self._db, plan, row)
            attempt = life.row.attempt
            await self._recorder.hold(life.row, plan)
            await life.restart(self._fleet[plan.driver], plan, grace_s)
        row = await life.wait_until(
            lambda r: r.is_final or (r.attempt > attempt and r.status is not _S.STARTING)
        )
        return _started(life, row, plan)

    async def _stats(self, row: RuntimeSession) -> StatsReply:
        life = self._roster.get(row.id)
        found = None
        if life is not None and life.row.status is _S.RUNNING:
            found = await self._roster.stats.sample(row.id)
        if found is None:
            raise CommandError(
                ErrorCode.NOT_RUNNING, f"the session is {row.status.value}: there are no stats"
            )
        stats, age_ms = found
        return StatsReply(**msgspec.structs.asdict(stats), age_ms=age_ms)

    def _life(self, row: RuntimeSession, operation: Operation) -> Life:
        """Return the session's life on this agent, or refuse."""
        life = self._roster.get(row.id)
        if life is not None:
            return life
        if row.agent_id not in (None, self._recorder.agent_id):
            raise CommandError(
                ErrorCode.WRONG_AUDIENCE, f"this session runs on the agent {row.agent_id!r}"
            )
        if row.is_live:
            raise CommandError(
                ErrorCode.BUSY,
                "the agent is still looking for this session's runtime; ask again",
                retry=Retry.LATER,
            )
        raise CommandError(
            ErrorCode.ILLEGAL_STATE, f"the session is {row.status.value}: nothing to {operation}"
        )


def _is_done(row: RuntimeSession, resumed_from: int | None) -> bool:
    """Tell whether a start or restart that an earlier process began had its effect already."""
    return resumed_from is not None and row.attempt > resumed_from


def _started(life: Life, row: RuntimeSession, plan: StartPlan) -> SessionReply:
    if row.status is _S.FAILED and life.error is not None:
        raise life.error
    return session_reply(row, plan.notes)
