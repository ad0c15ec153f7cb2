"""All sessions of the user's projects, live."""

from __future__ import annotations

from slate_desktop.bus.port import ConnectionState
from slate_desktop.control.client import Slate
from slate_desktop.control.live import Lifetime, Rereading
from slate_desktop.control.signals import Signal
from slate_desktop.control.status import apply_status
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.errors import SlateError
from slate_desktop.wire.events import StatusEvent

MAX_SESSIONS = 500


class SessionListModel:
    """The sessions of one project or of all, newest first.

    Attributes:
        sessions: the rows.
        error: why the last reading failed, or None.
    """

    sessions_changed = Signal()  # the set or the order changed
    session_changed = Signal(object)  # RuntimeSession
    error_changed = Signal(object)  # SlateError | None

    def __init__(self, slate: Slate, project_id: str | None = None) -> None:
        self.project_id = project_id
        self.sessions: list[RuntimeSession] = []
        self.error: SlateError | None = None
        self._slate = slate
        self._life = Lifetime("sessions")
        self._rereading: Rereading | None = None
        # Counts events, so that a reading knows whether it was overtaken.
        self._news = 0

    async def open(self) -> None:
        """Read the list and go live.

        Raises:
            SlateError: the list cannot be read.
        """
        self._life.own(self._slate.events.on_status(self._on_status))
        self._life.own(self._slate.bus.on_state(self._on_connection))
        self._life.own(self._slate.on_sessions_changed(self._ask))
        await self.refresh()
        self._rereading = Rereading(self._life, self.refresh, self._set_error)

    def get(self, session_id: str) -> RuntimeSession | None:
        """Return a session of the list."""
        return next((row for row in self.sessions if row.id == session_id), None)

    async def refresh(self) -> None:
        """Read the list again.

        Raises:
            SlateError: the list cannot be read.
        """
        news = self._news
        rows = await self._slate.list_runtime_sessions(
            self.project_id, limit=MAX_SESSIONS, is_fresh=True
        )
        known = {row.id: row for row in self.sessions}
        if news != self._news:
            # A row read before an event came may be older than what the event said.
            rows = [
                known[row.id] if row.id in known and known[row.id].version > row.version else row
                for row in rows
            ]
        is_reordered = [row.id for row in rows] != [row.id for row in self.sessions]
        self.sessions = rows
        if is_reordered:
            self.sessions_changed.emit()
        for row in rows:
            if row.id in known and known[row.id] != row:
                self.session_changed.emit(row)

    async def aclose(self) -> None:
        """Stop following."""
        await self._life.aclose()

    def _on_status(self, event: StatusEvent) -> None:
        if self.project_id not in (None, event.project_id):
            return
        self._news += 1
        for index, row in enumerate(self.sessions):
            if row.id == event.session_id:
                changed = apply_status(row, event.data)
                if changed != row:
                    self.sessions[index] = changed
                    self.session_changed.emit(changed)
                break
        self._ask()

    def _on_connection(self, state: ConnectionState) -> None:
        if state is ConnectionState.CONNECTED:
            self._ask()

    def _ask(self) -> None:
        if self._rereading is not None:
            self._rereading.ask()

    def _set_error(self, error: SlateError | None) -> None:
        self.error = error
        self.error_changed.emit(error)
