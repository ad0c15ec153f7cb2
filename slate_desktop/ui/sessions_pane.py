"""The Sessions pane: every session with a dot and words, newest first."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtWidgets import QListView, QStackedLayout, QWidget

from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.ui import icons, status
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.rows import BadgeDelegate
from slate_desktop.ui.text import beside
from slate_desktop.ui.theme import Theme

BADGE_ROLE = Qt.ItemDataRole.UserRole + 2
SESSION_ROLE = Qt.ItemDataRole.UserRole + 1
_MINUTE_S = 60.0


class SessionsModel(QAbstractListModel):
    """The rows of the pane."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self.sessions: list[RuntimeSession] = []
        self.names: dict[str, str] = {}
        # When the rows were true, None for now: times stand still with them.
        self.seen_at: datetime | None = None
        self._told: dict[str, str] = {}
        self._due_s = 0.0  # on the monotonic clock, when a row will say something else

    def set_sessions(self, sessions: list[RuntimeSession]) -> None:
        """Show these sessions, changing rows in place where the set is the same."""
        self._due_s = 0.0
        if [s.id for s in sessions] == [s.id for s in self.sessions]:
            self.sessions = list(sessions)
            self.touch_all()
            return
        self.beginResetModel()
        self.sessions = list(sessions)
        self.endResetModel()

    def touch_session(self, session: RuntimeSession) -> None:
        """Show a session's new state."""
        self._due_s = 0.0
        for row, old in enumerate(self.sessions):
            if old.id == session.id:
                self.sessions[row] = session
                self.dataChanged.emit(self.index(row), self.index(row))

    def touch_all(self) -> None:
        """Repaint every row, as time passes."""
        if self.sessions:
            self.dataChanged.emit(self.index(0), self.index(len(self.sessions) - 1))

    def aged(self) -> list[int]:
        """Return the rows that say something else since they were asked for last."""
        now_s, moment = time.monotonic(), self.seen_at or datetime.now(UTC)
        if now_s < self._due_s:
            return []
        old, self._told = self._told, {}
        rows: list[int] = []
        self._due_s = now_s + _MINUTE_S
        for row, session in enumerate(self.sessions):
            if session.status is SessionStatus.RUNNING:
                if session.started_at is not None:
                    age_s = (moment - session.started_at).total_seconds()
                    rest_s = _MINUTE_S - age_s % _MINUTE_S if age_s >= _MINUTE_S else 0.0
                    self._due_s = min(self._due_s, now_s + rest_s)
                words = self._told[session.id] = status.session_words(session, self.seen_at)
                if words != old.get(session.id):
                    rows.append(row)
        return rows

    def row_of(self, session_id: str) -> int:
        """Return the row of a session, or -1."""
        return next((i for i, s in enumerate(self.sessions) if s.id == session_id), -1)

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        """Return the number of sessions."""
        return 0 if parent.isValid() else len(self.sessions)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return what the view paints."""
        if not index.isValid() or index.row() >= len(self.sessions):
            return None
        session = self.sessions[index.row()]
        name = self.names.get(session.project_id, "")
        title = beside(name, session.id[:8]) if name else status.session_title(session)
        if role == Qt.ItemDataRole.DisplayRole:
            return title
        if role == BADGE_ROLE:
            return status.session_words(session, self.seen_at)
        if role == SESSION_ROLE:
            return session
        if role == Qt.ItemDataRole.DecorationRole:
            icon, color = status.status_look(session.status)
            return icons.icon(icon, self._theme.tokens, color)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{title} · {status.session_words(session, self.seen_at)}"
        return None


class SessionsPane(QWidget):
    """Shows the list; says which session was chosen."""

    session_selected = Signal(str)
    menu_wanted = Signal(object, QPoint)

    def __init__(self, theme: Theme, empty: EmptyState) -> None:
        super().__init__()
        self._is_selecting = False
        self.model = SessionsModel(theme, self)
        self.view = QListView(self)
        self.view.setModel(self.model)
        self.view.setUniformItemSizes(True)
        self.view.setAccessibleName(self.tr("Sessions"))
        self.view.setItemDelegate(BadgeDelegate(theme, BADGE_ROLE, self.view))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._on_menu)
        self.view.selectionModel().currentChanged.connect(self._on_current_changed)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(empty)
        self._stack.addWidget(self.view)
        self.empty = empty
        # Running times grow; nothing moves while nothing runs or nobody looks.
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        # With the full second, as all that draws once a second: the window is then painted once.
        self._clock.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._clock.timeout.connect(self._on_clock)
        self._clock.start()

    def set_sessions(self, sessions: list[RuntimeSession], names: dict[str, str]) -> None:
        """Show these sessions; ``names`` maps project ids to names."""
        current = self.view.currentIndex().data(SESSION_ROLE)
        self.model.names = names
        self._is_selecting = True
        self.model.set_sessions(sessions)
        self._is_selecting = False
        self._stack.setCurrentWidget(self.view if sessions else self.empty)
        if current is not None:
            self.select_session(current.id)

    def select_session(self, session_id: str | None) -> None:
        """Mark a session, or none, without announcing it."""
        row = self.model.row_of(session_id) if session_id else -1
        self._is_selecting = True
        if row >= 0:
            self.view.setCurrentIndex(self.model.index(row))
        else:
            self.view.clearSelection()
            self.view.setCurrentIndex(QModelIndex())
        self._is_selecting = False

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        session = current.data(SESSION_ROLE)
        if session is not None and not self._is_selecting:
            self.session_selected.emit(session.id)

    def _on_menu(self, position: QPoint) -> None:
        session = self.view.indexAt(position).data(SESSION_ROLE)
        self.menu_wanted.emit(session, self.view.viewport().mapToGlobal(position))

    def _on_clock(self) -> None:
        if self.isVisible():
            for row in self.model.aged():
                # Nothing changed but the time: nobody else has to hear of it.
                self.view.update(self.model.index(row))
