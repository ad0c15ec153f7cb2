"""Operations on runtime sessions as rows: create, get, list, update, delete, active."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from slate_desktop.domain.container import ContainerConfig
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.session import RuntimeSession, SessionStatus


class SessionOperations:
    """The part of ``Slate`` that works on session rows."""

    async def default_container_config(
        self, project_id: str | None = None, *, engine: Engine | str | None = None
    ) -> ContainerConfig:
        """Return the default configuration of a project (with its overrides), or of an engine."""
        raise NotImplementedError

    async def create_runtime_session(
        self, project_id: str, config: ContainerConfig | Mapping[str, object] | None = None
    ) -> RuntimeSession:
        """Insert a session in ``creating``; nothing is started yet.

        Args:
            project_id: the project that it will run.
            config: a whole configuration, or changes to the project's default with the original
                system's names (``{"memory": "4g"}``).
        """
        raise NotImplementedError

    async def get_runtime_session(self, session_id: str) -> RuntimeSession:
        """Return a session.

        Raises:
            CommandError: ``not_found``.
        """
        raise NotImplementedError

    async def find_session(self, text: str) -> RuntimeSession:
        """Return the one session whose id or unique prefix is ``text``; ``last`` is the newest.

        Raises:
            CommandError: ``not_found``, or ``bad_request`` when several fit.
        """
        raise NotImplementedError

    async def list_runtime_sessions(
        self,
        project_id: str | None = None,
        *,
        status: Collection[SessionStatus] | None = None,
        limit: int = 100,
    ) -> list[RuntimeSession]:
        """Return sessions of one or all projects of this user, newest first."""
        raise NotImplementedError

    async def get_active_sessions(self, project_id: str | None = None) -> list[RuntimeSession]:
        """Return the sessions that are not over."""
        raise NotImplementedError

    async def update_runtime_session(
        self, session_id: str, config: ContainerConfig | Mapping[str, object]
    ) -> RuntimeSession:
        """Replace (or, with a mapping, change) the configuration of a session that is not live.

        Raises:
            CommandError: ``not_found``, ``illegal_state`` or ``bad_request``.
        """
        raise NotImplementedError

    async def delete_runtime_session(self, session_id: str) -> None:
        """Remove a session that is not live (soft delete).

        Raises:
            CommandError: ``not_found`` or ``illegal_state``.
        """
        raise NotImplementedError

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
        raise NotImplementedError
