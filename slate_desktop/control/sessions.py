"""Operations on runtime sessions as rows: create, get, list, update, delete, active."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection

from slate_desktop.control.configs import (
    ConfigLike,
    chosen_fields,
    effective_config,
    project_config,
)
from slate_desktop.control.sync import SyncOperations
from slate_desktop.domain.container import ContainerConfig, join_overrides, merge_config
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.engine import default_container_config as engine_container_config
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.session import ACTIVE_STATES, RuntimeSession, SessionStatus
from slate_desktop.errors import CommandError, ErrorCode

_LOOK_EVERY_S = 1.0


class SessionOperations(SyncOperations):
    """The part of ``Slate`` that works on session rows."""

    async def default_container_config(
        self, project_id: str | None = None, *, engine: Engine | str | None = None
    ) -> ContainerConfig:
        """Return the default configuration of a project (with its overrides), or of an engine.

        Raises:
            CommandError: ``not_found``, or ``bad_request`` when neither or both are given.
        """
        if (project_id is None) == (engine is None):
            raise CommandError(
                ErrorCode.BAD_REQUEST, "Name either a project or an engine.", field="engine"
            )
        if project_id is not None:
            return project_config(await self.db.projects.get(check_id(project_id, "project_id")))
        try:
            return engine_container_config(Engine(engine or ""))
        except ValueError as exc:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"engine must be one of: {', '.join(Engine)}", field="engine"
            ) from exc

    async def effective_config(self, session: RuntimeSession) -> ContainerConfig:
        """Return the whole configuration that a session is started with, before it is sized."""
        try:
            project = await self.db.projects.get(session.project_id)
        except CommandError as exc:
            if exc.code is not ErrorCode.NOT_FOUND:
                raise
            # Sessions of a project that was removed can still be looked at.
            preset = engine_container_config(Engine(session.runtime_type))
            return merge_config(preset, {}, session.container_config)
        return effective_config(project, session.container_config)

    async def create_runtime_session(
        self, project_id: str, config: ConfigLike | None = None
    ) -> RuntimeSession:
        """Insert a session in ``creating``; nothing is started yet.

        Args:
            project_id: the project that it will run.
            config: a whole configuration, or changes to the project's default with the original
                system's names (``{"memory": "4g"}``).

        Raises:
            CommandError: ``not_found``, or what is wrong with the configuration.
        """
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        chosen = chosen_fields(config or {}, project_config(project))
        effective_config(project, chosen)
        session = await self.db.sessions.create(
            project_id=project.id,
            user_id=self.user.id,
            runtime_type=project.engine.value,
            container_config=chosen,
            driver=chosen.get("driver"),
        )
        await self._session_changed(session)
        return session

    async def get_runtime_session(self, session_id: str) -> RuntimeSession:
        """Return a session.

        Raises:
            CommandError: ``not_found``.
        """
        return await self.reads.get_session(check_id(session_id, "session_id"))

    async def find_session(self, text: str) -> RuntimeSession:
        """Return the one session whose id or unique prefix is ``text``; ``last`` is the newest.

        Raises:
            CommandError: ``not_found``, or ``bad_request`` when several fit.
        """
        if text == "last":
            found = await self.db.sessions.list(member=self.user.id, limit=1)
        else:
            check_id(text, "session_id")
            mine = {project.id for project in await self.db.projects.list(member=self.user.id)}
            found = [row for row in await self.db.sessions.find(text) if row.project_id in mine]
            found = [row for row in found if row.id == text] or found
        if len(found) == 1:
            return found[0]
        if not found:
            raise CommandError(
                ErrorCode.NOT_FOUND,
                f"There is no session {text!r}.",
                field="session",
                hint="`slate session list` shows them.",
            )
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"{text!r} is the beginning of {len(found)} sessions.",
            field="session",
            hint="Give more of the id.",
        )

    async def list_runtime_sessions(
        self,
        project_id: str | None = None,
        *,
        status: Collection[SessionStatus] | None = None,
        limit: int = 100,
        is_fresh: bool = False,
    ) -> list[RuntimeSession]:
        """Return sessions of one or all projects of this user, newest first.

        Args:
            project_id: only of this project.
            status: only in one of these.
            limit: rows at most, up to 500.
            is_fresh: read the database, not the cache.
        """
        if project_id is not None:
            check_id(project_id, "project_id")
        read = self.db.sessions.list if is_fresh else self.reads.list_sessions
        return await read(project_id=project_id, member=self.user.id, statuses=status, limit=limit)

    async def get_active_sessions(self, project_id: str | None = None) -> list[RuntimeSession]:
        """Return the sessions that are not over, newest first."""
        return await self.list_runtime_sessions(project_id, status=ACTIVE_STATES, limit=500)

    async def update_runtime_session(self, session_id: str, config: ConfigLike) -> RuntimeSession:
        """Replace (or, with a mapping, change) the configuration of a session that is not live.

        Raises:
            CommandError: ``not_found``, ``illegal_state``, or what is wrong with it.
            StaleWriteError: somebody else changed it in this moment.
        """
        row = await self.db.sessions.get(check_id(session_id, "session_id"))
        project = await self.db.projects.get(row.project_id)
        if row.is_live:
            raise CommandError(
                ErrorCode.ILLEGAL_STATE,
                f"The session is {row.status.value}; its configuration is in use.",
                hint="Stop it first.",
            )
        chosen = chosen_fields(config, project_config(project))
        if not isinstance(config, ContainerConfig):
            chosen = join_overrides(row.container_config, chosen)
        effective_config(project, chosen)
        row = await self.db.sessions.update_config(
            row.id, chosen, driver=chosen.get("driver"), version=row.version
        )
        await self._session_changed(row)
        return row

    async def delete_runtime_session(self, session_id: str) -> None:
        """Remove a session that is not live (soft delete).

        Raises:
            CommandError: ``not_found`` or ``illegal_state``.
        """
        row = await self.db.sessions.get(check_id(session_id, "session_id"))
        await self.db.sessions.delete(row.id)
        await self._session_changed(row)

    async def wait_for_status(
        self,
        session_id: str,
        wanted: Collection[SessionStatus],
        *,
        attempt: int | None = None,
        timeout_s: float | None = None,
    ) -> RuntimeSession:
        """Return the row once its status is one of ``wanted``.

        Args:
            session_id: the session.
            wanted: statuses that end the waiting.
            attempt: look only at this attempt or a later one.
            timeout_s: give up after this many seconds.

        Raises:
            TimeoutError: the time is over.
        """
        return await self._wait_until(
            session_id,
            lambda row: row.status in wanted and (attempt is None or row.attempt >= attempt),
            timeout_s,
        )

    async def _wait_until(
        self,
        session_id: str,
        is_reached: Callable[[RuntimeSession], bool],
        timeout_s: float | None,
    ) -> RuntimeSession:
        """Return the row once it satisfies ``is_reached``; raises like ``wait_for_status``."""
        moved = asyncio.Event()
        end = self.events.on_status(lambda _: moved.set(), check_id(session_id, "session_id"))
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            while True:
                moved.clear()
                row = await self.db.sessions.get(session_id)
                if is_reached(row):
                    return row
                left_s = _LOOK_EVERY_S
                if deadline is not None:
                    left_s = min(left_s, deadline - time.monotonic())
                    if left_s <= 0:
                        raise TimeoutError(
                            f"The session is still {row.status.value} after {timeout_s:g} s."
                        )
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left_s):
                        await moved.wait()
        finally:
            end()

    async def _session_changed(self, row: RuntimeSession) -> None:
        """Forget cached copies of a row that this client changed, and tell its models."""
        await self._forget_session(row)
        self._sessions_changed.emit()
