"""Runtime sessions: intents from people, compare-and-set from the recorder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from slate_desktop.domain.ids import check_id, new_id
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.errors import StaleWriteError
from slate_desktop.store.errors import not_found
from slate_desktop.store.port import Runner

MAX_PAGE = 500


class Sessions:
    """Rows of ``slate_runtime_sessions``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def create(
        self,
        *,
        project_id: str,
        user_id: str,
        runtime_type: str,
        container_config: dict[str, Any] | None = None,
        driver: str | None = None,
        session_id: str | None = None,
    ) -> RuntimeSession:
        """Insert the intent to run something, in ``creating``.

        Raises:
            CommandError: ``bad_request`` for a bad value, ``not_found`` for an unknown project.
        """
        row = await self._run.one(
            "insert_session",
            id=check_id(session_id or new_id(), "session_id"),
            project_id=project_id,
            user_id=user_id,
            runtime_type=runtime_type,
            container_config=container_config or {},
            driver=driver,
        )
        return _session(row)

    async def get(self, session_id: str) -> RuntimeSession:
        """Return a session; raises ``not_found`` for an unknown or deleted one."""
        row = await self._run.one("get_session", id=session_id)
        if row is None:
            raise not_found("session", "session_id")
        return _session(row)

    async def find(self, prefix: str, *, limit: int = 20) -> list[RuntimeSession]:
        """Return sessions whose id begins with a text, newest first."""
        rows = await self._run.many("find_sessions", prefix=prefix, limit=limit)
        return [_session(row) for row in rows]

    async def list(
        self,
        *,
        project_id: str | None = None,
        member: str | None = None,
        statuses: Iterable[SessionStatus] | None = None,
        before: RuntimeSession | None = None,
        limit: int = 100,
    ) -> list[RuntimeSession]:
        """Return sessions, newest first.

        Args:
            project_id: of this project only.
            member: of projects that this person is in only.
            statuses: in one of these states only.
            before: the last row of the page before; None for the first page.
            limit: 1 to 500 rows.
        """
        rows = await self._run.many(
            "list_sessions",
            project_id=project_id,
            member=member,
            statuses=None if statuses is None else [SessionStatus(s).value for s in statuses],
            before_time=before.created_at if before else None,
            before_id=before.id if before else None,
            limit=max(1, min(limit, MAX_PAGE)),
        )
        return [_session(row) for row in rows]

    async def active(self, *, project_id: str | None = None) -> list[RuntimeSession]:
        """Return sessions that are not over yet, oldest first."""
        rows = await self._run.many("active_sessions", project_id=project_id)
        return [_session(row) for row in rows]

    async def count_live(self) -> int:
        """Return how many sessions have, or may have, a runtime now."""
        return await self._run.value("count_live_sessions")

    async def update_config(
        self,
        session_id: str,
        container_config: dict[str, Any],
        *,
        driver: str | None = None,
        version: int | None = None,
    ) -> RuntimeSession:
        """Change what a session that is not live will be started with.

        Raises:
            CommandError: ``not_found``; ``illegal_state`` for a live one.
            StaleWriteError: ``version`` was given and the row has moved on.
        """
        row = await self._run.one(
            "update_session_config",
            id=session_id,
            container_config=container_config,
            driver=driver,
            version=version,
        )
        return _session(row) if row is not None else await self._refuse(session_id)

    async def delete(self, session_id: str) -> None:
        """Soft-delete a session; raises ``not_found``, or ``illegal_state`` for a live one."""
        if await self._run.value("delete_session", id=session_id) is None:
            raise not_found("session", "session_id")

    # The recorder's side: everything below is fenced, and raises StaleWriteError when it lost.

    async def of_agent(
        self, agent_id: str, *, statuses: Iterable[SessionStatus] | None = None
    ) -> list[RuntimeSession]:
        """Return sessions that an agent owns, deleted ones too."""
        rows = await self._run.many(
            "agent_sessions",
            agent_id=agent_id,
            statuses=None if statuses is None else [SessionStatus(s).value for s in statuses],
        )
        return [_session(row) for row in rows]

    async def claim(
        self,
        session_id: str,
        *,
        version: int,
        agent_id: str,
        epoch: int,
        driver: str,
        container_name: str,
        container_config: dict[str, Any] | None = None,
        held_memory: int | None = None,
        held_cpus: float | None = None,
    ) -> RuntimeSession:
        """Take a session for its next attempt: it is ``starting`` and this agent's.

        ``held_memory`` (bytes) and ``held_cpus`` are what its container may take, for quotas; None
        for a local process.

        Raises:
            CommandError: ``quota_exceeded``.
            StaleWriteError: the row has moved on from ``version``, or may not be started.
        """
        row = await self._run.one(
            "claim_session",
            id=session_id,
            version=version,
            agent_id=agent_id,
            epoch=epoch,
            driver=driver,
            container_name=container_name,
            container_config=container_config,
            held_memory=held_memory,
            held_cpus=held_cpus,
        )
        return _fenced(row)

    async def hold(
        self,
        session_id: str,
        *,
        attempt: int,
        epoch: int,
        held_memory: int | None,
        held_cpus: float | None,
    ) -> None:
        """Note what a live session's container may take from now on.

        Raises:
            CommandError: ``quota_exceeded``; nothing was noted.
            StaleWriteError: another attempt or epoch owns the row, or it is over.
        """
        row = await self._run.one(
            "hold_limits",
            id=session_id,
            attempt=attempt,
            epoch=epoch,
            held_memory=held_memory,
            held_cpus=held_cpus,
        )
        if row is None:
            raise StaleWriteError("The session has moved on: this write was discarded.")

    async def move(
        self,
        session_id: str,
        status: SessionStatus,
        *,
        attempt: int,
        epoch: int,
        **fields: Any,
    ) -> RuntimeSession:
        """Move a session, and set fields; None leaves a field as it is.

        Args:
            session_id: which.
            status: where to; staying is allowed.
            attempt: of the runtime that this is about.
            epoch: of the agent that owns it.
            **fields: of desired, container_id, image_digest, exit_code, oom_killed, error_code,
                error_message, log_complete, started_at, stopped_at.

        Raises:
            StaleWriteError: another attempt or epoch owns the row, or the move is not legal.
        """
        known: dict[str, Any] = dict.fromkeys(_MOVE_FIELDS)
        if unknown := fields.keys() - known.keys():
            raise TypeError(f"not a field of a move: {', '.join(sorted(unknown))}")
        known.update(fields)
        row = await self._run.one(
            "move_session",
            id=session_id,
            status=SessionStatus(status).value,
            attempt=attempt,
            epoch=epoch,
            **known,
        )
        return _fenced(row)

    async def stop_unstarted(self, session_id: str, *, version: int) -> RuntimeSession:
        """End a session that nobody has started; raises ``StaleWriteError``."""
        return _fenced(await self._run.one("stop_unstarted", id=session_id, version=version))

    async def adopt(
        self, session_id: str, *, agent_id: str, old_epoch: int, epoch: int
    ) -> RuntimeSession:
        """Take over a session of an older process of the same agent; raises StaleWriteError."""
        return _fenced(
            await self._run.one(
                "adopt_session", id=session_id, agent_id=agent_id, old_epoch=old_epoch, epoch=epoch
            )
        )

    async def fail_unclaimed(self, older_than_s: float) -> list[RuntimeSession]:
        """End intents that no agent took within the time."""
        rows = await self._run.many("fail_unclaimed", older_than_s=float(older_than_s))
        return [_session(row) for row in rows]

    async def lose_orphaned(self, agent_id: str, unseen_s: float) -> list[RuntimeSession]:
        """Mark sessions ``lost`` whose agent, another one, has not been seen for a while."""
        rows = await self._run.many("lose_orphaned", agent_id=agent_id, unseen_s=float(unseen_s))
        return [_session(row) for row in rows]

    async def _refuse(self, session_id: str) -> RuntimeSession:
        await self.get(session_id)
        raise StaleWriteError("The session was changed meanwhile.", hint="Look again.")


_MOVE_FIELDS = (
    "desired",
    "container_id",
    "image_digest",
    "exit_code",
    "oom_killed",
    "error_code",
    "error_message",
    "log_complete",
    "started_at",
    "stopped_at",
)


def _session(row: Any) -> RuntimeSession:
    return msgspec.convert(dict(row), RuntimeSession)


def _fenced(row: Any) -> RuntimeSession:
    if row is None:
        raise StaleWriteError("The session has moved on: this write was discarded.")
    return _session(row)
