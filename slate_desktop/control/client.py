"""``Slate``: one connection to a profile's broker and database, and every operation on it.

::

    async with await Slate.connect() as slate:
        project = await slate.add_project("~/games/pong")
        session = await slate.create_runtime_session(project.id)
        await slate.start_container(session.id, wait=True)

No Qt is imported here: scripts, the command line and the window use the same object.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from slate_desktop.control.builds import BuildOperations
from slate_desktop.control.containers import ContainerOperations
from slate_desktop.control.logs import LogOperations
from slate_desktop.control.projects import ProjectOperations
from slate_desktop.control.sessions import SessionOperations
from slate_desktop.domain.project import User


class Slate(
    ProjectOperations, SessionOperations, ContainerOperations, LogOperations, BuildOperations
):
    """A connected client.

    Attributes:
        bus: the connection to the broker (``bus.port.Bus``).
        db: the database (``store.database.Database``).
        cache: the cache in front of reads.
        user: who this client is.
        profile: the profile's name, ``local`` for the embedded stack.
    """

    bus: Any
    db: Any
    cache: Any
    user: User
    profile: str

    @classmethod
    async def connect(
        cls, profile: str | None = None, *, on_step: Callable[[str, str], None] | None = None
    ) -> Slate:
        """Connect to a profile; ``local`` attaches to the embedded stack or starts it.

        Args:
            profile: ``local``, ``remote``, or None for what the settings name.
            on_step: called with a part (``nats``, ``postgres``, ``agent``) and a state in words
                while the stack starts.

        Raises:
            StackError: the embedded stack does not start.
            SettingsError: the profile lacks an address or a key.
            NotConnectedError: the broker does not answer.
            DatabaseError: the database does not answer, or its schema is of another version.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close everything; bounded in time."""
        raise NotImplementedError

    async def __aenter__(self) -> Slate:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
