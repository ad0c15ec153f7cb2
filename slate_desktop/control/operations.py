"""What every group of operations stands on: the connections of one client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slate_desktop.bus.port import Bus
from slate_desktop.control.events import Events
from slate_desktop.control.requests import Requester
from slate_desktop.control.signals import Signal, SignalInstance
from slate_desktop.domain.build import BuildJob
from slate_desktop.domain.project import User
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.store import CachedReads, Database


class Operations:
    """Connections that the operations share; ``Slate`` sets them."""

    _projects_changed = Signal()
    _sessions_changed = Signal()
    _builds_changed = Signal(str)
    _log_added = Signal(str)

    bus: Bus
    db: Database
    reads: CachedReads
    events: Events
    requester: Requester
    user: User

    def on_projects_changed(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` when this client added, changed or removed a project."""
        return _connect(self._projects_changed, callback)

    def on_sessions_changed(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` when this client made, changed or removed a session."""
        return _connect(self._sessions_changed, callback)

    def on_builds_changed(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call ``callback`` with the project's id when this client changed one of its builds."""
        return _connect(self._builds_changed, callback)

    def on_log_added(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call ``callback`` with the session's id when this client added a log line."""
        return _connect(self._log_added, callback)

    async def _until_heard(self, project_id: str) -> None:
        """Return once the events of a project that was added just now are heard; bounded."""

    def _is_shared(self) -> bool:
        """Tell whether this is a server that several people share."""
        return False

    async def _forget_session(self, row: RuntimeSession) -> None:
        await self.reads.invalidate_session(row.id)

    async def _forget_build(self, job: BuildJob) -> None:
        await self.reads.invalidate_build(job.id)


def _connect(signal: SignalInstance, callback: Callable[..., Any]) -> Callable[[], None]:
    """Connect ``callback``; the returned function ends it and may be called twice."""
    signal.connect(callback)
    return lambda: signal.disconnect(callback, missing_ok=True)
