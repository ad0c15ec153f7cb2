"""Operations on runtimes: signed requests to agents."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

import msgspec

from slate_desktop.control.configs import ConfigLike
from slate_desktop.control.events import AGENT_SILENCE_S
from slate_desktop.control.hosts import read_hosts
from slate_desktop.control.sessions import SessionOperations
from slate_desktop.control.status import apply_status
from slate_desktop.control.unanswered import unanswered_noted
from slate_desktop.control.values import CommandOutcome, ExecResult, StatsReading
from slate_desktop.domain.fields import check_argv
from slate_desktop.domain.ids import check_id, new_id
from slate_desktop.domain.placement import HostNeeds, Placement, choose_host
from slate_desktop.domain.project import AgentRow
from slate_desktop.domain.roles import Operation
from slate_desktop.domain.session import FINAL_STATES, RuntimeSession, SessionStatus
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import (
    AgentOfflineError,
    CommandError,
    ErrorCode,
    OutcomeUnknownError,
    SlateError,
)
from slate_desktop.wire.envelope import AUDIENCE_ANY
from slate_desktop.wire.messages import (
    MAX_EXEC_TIMEOUT_S,
    ExecReply,
    ExecuteRequest,
    RestartRequest,
    SessionReply,
    StartRequest,
    StatsReply,
    StopRequest,
    write_execute,
    write_grace,
    write_start,
)

_S = SessionStatus
_NOT_RUNNING_YET = frozenset({_S.CREATING, _S.STOPPED, _S.FAILED, _S.LOST})
# `lost` ends a wait too: nobody can tell when the host comes back.
_STARTED = FINAL_STATES | {_S.RUNNING, _S.LOST}
_ENDED = FINAL_STATES | {_S.LOST}
# A command's result is fetched for this long after its own time is over.
_EXEC_SLACK_S = 15.0
_EXEC_LOOKS_S = (0.25, 0.5, 1.0)


class ContainerOperations(SessionOperations):
    """The part of ``Slate`` that talks to agents.

    Every method refuses bad ids before it sends, and raises ``NotConnectedError`` (nothing was
    sent), ``AgentOfflineError`` (nobody answers for the session), ``OutcomeUnknownError`` (sent,
    no answer: the next call repeats the intent safely) or ``CommandError`` (refused).
    """

    async def start_container(
        self,
        session_id: str,
        config: ConfigLike | None = None,
        *,
        host: str | None = None,
        wait: bool = False,
        timeout_s: float | None = None,
    ) -> CommandOutcome:
        """Start a session; ``config`` changes its configuration first.

        Where an agent does not see the project's folder, what changed in it is brought first.

        Args:
            session_id: a session that is not live.
            config: as in ``update_runtime_session``.
            host: where, by id or name; None for the one with the most free that fits, which the
                outcome's notes explain.
            wait: return only when it runs or has ended.
            timeout_s: limit of the waiting; TimeoutError when it is over.
        """
        row = await self._fresh(session_id)
        if config is not None:
            row = await self.update_runtime_session(session_id, config)
        place = await self._place(row, host)
        # Not all of them: each start would cost every host of the studio a question.
        chosen = None if place.host_id == AUDIENCE_ANY else place.host_id
        left = await self._bring_files(row.project_id, chosen)
        request = StartRequest(project_id=row.project_id, user_id=self.user.id)
        async with unanswered_noted(self.db, Operation.START, row.id):
            outcome = await self._command(
                Operation.START, row, write_start(request), place.host_id, wait, timeout_s
            )
        return _with_notes(outcome, [*([place.words] if place.words else []), *left])

    async def stop_container(
        self,
        session_id: str,
        *,
        grace_s: float | None = None,
        wait: bool = False,
        timeout_s: float | None = None,
    ) -> CommandOutcome:
        """Stop a session gracefully; one that has stopped stays so.

        Where its agent does not see the project's folder, what it wrote is then brought back, but
        for files that changed here as well.

        Args:
            session_id: the session.
            grace_s: seconds that its runtime gets to end by itself; None for the configured ones.
            wait: return only when it has ended, or was started again by somebody else.
            timeout_s: limit of the waiting; TimeoutError when it is over.
        """
        row = await self._fresh(session_id)
        if row.is_final:
            return CommandOutcome(session=row, is_done=True)
        body = write_grace(StopRequest(grace_s=grace_s))
        async with unanswered_noted(self.db, Operation.STOP, row.id):
            audience = await self._audience(row)
            outcome = await self._command(Operation.STOP, row, body, audience, wait, timeout_s)
        if not outcome.is_done:
            return outcome
        return _with_notes(outcome, await self._take_files_back(row.project_id))

    async def restart_container(
        self,
        session_id: str,
        *,
        grace_s: float | None = None,
        wait: bool = False,
        timeout_s: float | None = None,
    ) -> CommandOutcome:
        """Stop a session and start it again in a new runtime; one that does not run is started.

        With ``wait`` it returns when the new runtime runs or has ended. Somebody else's stop, which
        wins over a restart, ends the waiting too: then ``is_done`` is false.
        """
        row = await self._fresh(session_id)
        if row.status in _NOT_RUNNING_YET:
            return await self.start_container(session_id, wait=wait, timeout_s=timeout_s)
        left = await self._bring_files(row.project_id, row.agent_id)
        body = write_grace(RestartRequest(grace_s=grace_s))
        async with unanswered_noted(self.db, Operation.RESTART, row.id):
            audience = await self._audience(row)
            outcome = await self._command(Operation.RESTART, row, body, audience, wait, timeout_s)
        return _with_notes(outcome, left)

    async def execute_command(
        self, session_id: str, argv: Sequence[str], timeout_s: float = 30.0
    ) -> ExecResult:
        """Run a command inside a running session; never through a shell.

        Args:
            session_id: a running session.
            argv: the program and its arguments.
            timeout_s: the command is killed after this time, 600 at most.
        """
        if isinstance(argv, str):
            raise CommandError(
                ErrorCode.BAD_REQUEST, "argv must be a list of texts, not one text", field="argv"
            )
        words = check_argv(list(argv), "argv")
        if not 0 < timeout_s <= MAX_EXEC_TIMEOUT_S:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"timeout must be more than 0 and at most {MAX_EXEC_TIMEOUT_S:g} seconds",
                field="timeout",
            )
        row = await self._fresh(session_id)
        self._refuse_unless_running(row, ErrorCode.ILLEGAL_STATE)
        body = write_execute(ExecuteRequest(argv=words, timeout_s=timeout_s))
        async with unanswered_noted(self.db, Operation.EXECUTE, row.id):
            reply = await self._result_of_command(row, body, timeout_s)
        return ExecResult(**msgspec.structs.asdict(reply))

    async def get_container_stats(self, session_id: str) -> StatsReading:
        """Return the agent's newest sample.

        Raises:
            CommandError: ``not_running``, ``not_found``.
        """
        row = await self.get_runtime_session(session_id)
        self._refuse_unless_running(row, ErrorCode.NOT_RUNNING)
        audience = await self._audience(row)
        reply = await self.requester.ask(
            Operation.STATS, row.id, b"{}", StatsReply, audience=audience
        )
        fields = msgspec.structs.asdict(reply)
        age_ms = fields.pop("age_ms")
        return StatsReading(stats=ContainerStats(**fields), age_ms=age_ms)

    async def list_agents(self) -> list[AgentRow]:
        """Return the hosts that run runtimes."""
        return await self.db.agents.list()

    async def _command(
        self,
        operation: Operation,
        row: RuntimeSession,
        body: bytes,
        audience: str,
        wait: bool,
        timeout_s: float | None,
    ) -> CommandOutcome:
        reply: SessionReply | None = None
        before = self.requester.first_asked(operation, row.id, body) or row
        is_over = operation is Operation.STOP or row.status in _NOT_RUNNING_YET
        if before.attempt < row.attempt and is_over:
            # The first question had its effect, or somebody else had; this is another wish.
            self.requester.forget(operation, row.id, body)
            before = row
        idem = self.requester.key_of(operation, row.id, body)

        async def ask() -> SessionReply:
            return await self.requester.ask(
                operation, row.id, body, SessionReply, audience=audience, idem=idem, before=before
            )

        try:
            reply = await ask()
        except CommandError as exc:
            await self._forget_session(row)
            if exc.code is not ErrorCode.IN_PROGRESS:
                raise
            row = await self._fresh(row.id)
        else:
            row = apply_status(row, reply)
            await self._forget_session(row)
            row = await self._fresh_or(row)
        if wait and not _is_over(operation, before, row):
            row = await self._wait_until(
                row.id, lambda now: _is_over(operation, before, now), timeout_s
            )
            if reply is None:
                # What the agent has to say of it stands in its answer, which is there by now.
                with contextlib.suppress(SlateError):
                    reply = await ask()
        notes = [] if reply is None else reply.notes
        return CommandOutcome(session=row, is_done=_is_reached(operation, before, row), notes=notes)

    async def _result_of_command(
        self, row: RuntimeSession, body: bytes, timeout_s: float
    ) -> ExecReply:
        """Ask until the result is there; all questions carry one key, so it runs once."""
        idem = new_id()
        audience = await self._audience(row)
        deadline = time.monotonic() + timeout_s + _EXEC_SLACK_S
        look = 0
        while True:
            try:
                return await self.requester.ask(
                    Operation.EXECUTE, row.id, body, ExecReply, audience=audience, idem=idem
                )
            except OutcomeUnknownError:
                if time.monotonic() >= deadline:
                    raise
            except CommandError as exc:
                if exc.code is not ErrorCode.IN_PROGRESS:
                    raise
                if time.monotonic() >= deadline:
                    raise OutcomeUnknownError(
                        "The command's result did not come in time.", idem=idem
                    ) from exc
            await asyncio.sleep(_EXEC_LOOKS_S[min(look, len(_EXEC_LOOKS_S) - 1)])
            look += 1

    async def _place(self, row: RuntimeSession, wanted: str | None) -> Placement:
        """Return where a session is to start; any agent's where there is no choice."""
        hosts = await read_hosts(self.db, self.events)
        online = [host for host in hosts if host.is_online]
        if wanted is None and (not online or (len(online) == 1 and not online[0].is_cordoned)):
            return Placement(host_id=AUDIENCE_ANY)
        config = await self.effective_config(row)
        needs = HostNeeds(
            driver=None if config.driver is None else config.driver.value,
            # What only a preset wants is sized down to the host.
            memory_bytes=(config.memory_bytes or 0) if "memory" in row.container_config else 0,
            cpus=(config.cpus or 0.0) if "cpus" in row.container_config else 0.0,
            gpu=config.gpu and not config.gpu_optional,
        )
        return choose_host(needs, hosts, wanted)

    async def _audience(self, row: RuntimeSession) -> str:
        """Return the agent to ask: the session's own, or any that lives.

        Raises:
            AgentOfflineError: it was not seen lately; nothing is sent.
        """
        seen = self.events.agents
        if row.agent_id is not None:
            agent = seen.get(row.agent_id)
            if agent is not None and agent.is_live:
                return row.agent_id
        else:
            for agent in seen.values():
                if agent.is_live:
                    return agent.heartbeat.agent_id
        return await self._audience_by_rows(row.agent_id)

    async def _audience_by_rows(self, agent_id: str | None) -> str:
        rows = await self.list_agents()
        ages = {agent.id: _age_s(agent) for agent in rows}
        if agent_id is None:
            live = [name for name, age_s in ages.items() if age_s <= AGENT_SILENCE_S]
            if live:
                return min(live, key=lambda name: ages[name])
            raise AgentOfflineError(
                "No agent is online.", hint="Start one with `slate agent` or `slate stack up`."
            )
        age_s = ages.get(agent_id, float("inf"))
        if age_s <= AGENT_SILENCE_S:
            return agent_id
        since = "was never seen" if age_s == float("inf") else f"was last seen {age_s:.0f} s ago"
        raise AgentOfflineError(
            f"The agent {agent_id} is offline: it {since}.",
            hint="Start it again on its host; it then finds the session's runtime.",
        )

    async def _fresh(self, session_id: str) -> RuntimeSession:
        """Read a row past the cache."""
        return await self.db.sessions.get(check_id(session_id, "session_id"))

    async def _fresh_or(self, row: RuntimeSession) -> RuntimeSession:
        """Return the stored row unless what is known is newer."""
        stored = await self._fresh(row.id)
        return row if row.version > stored.version else stored

    @staticmethod
    def _refuse_unless_running(row: RuntimeSession, code: ErrorCode) -> None:
        if row.status is not _S.RUNNING:
            raise CommandError(
                code,
                f"The session is {row.status.value}, not running.",
                hint="Start it first.",
            )


def _with_notes(outcome: CommandOutcome, notes: list[str]) -> CommandOutcome:
    if not notes:
        return outcome
    return msgspec.structs.replace(outcome, notes=[*outcome.notes, *notes])


def _is_reached(operation: Operation, before: RuntimeSession, now: RuntimeSession) -> bool:
    """Tell whether a session is where a command was to bring it."""
    if operation is Operation.STOP:
        return now.status in _ENDED and now.attempt == before.attempt
    return now.status in _STARTED and now.attempt > before.attempt


def _is_over(operation: Operation, before: RuntimeSession, now: RuntimeSession) -> bool:
    """Tell whether nothing more comes of a command: it is done, or somebody else's was stronger."""
    if _is_reached(operation, before, now):
        return True
    if operation is Operation.STOP:
        return now.attempt > before.attempt
    return operation is Operation.RESTART and now.status in _ENDED and now.version > before.version


def _age_s(agent: AgentRow) -> float:
    """Return how long ago an agent was seen, by the database's clock."""
    return float("inf") if agent.seen_ago_s is None else agent.seen_ago_s
