"""Tells of moves of sessions that somebody has to know, once each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.translation import sentence

if TYPE_CHECKING:
    from slate_desktop.control.notices import Notices

# A session that is seen for the first time and older than this did not move just now.
_FRESH_S = 10


class SessionNews(QObject):
    """One per workspace.

    Args:
        name_of: returns what a session is called.
        parent: the workspace.
    """

    def __init__(self, name_of: Callable[[RuntimeSession], str], parent: QObject) -> None:
        super().__init__(parent)
        self._name_of = name_of
        self._seen: dict[str, SessionStatus] = {}

    def know(self, session: RuntimeSession) -> None:
        """Take a session as it is, and tell nothing of it."""
        self._seen.setdefault(session.id, session.status)

    def note(self, session: RuntimeSession, notices: Notices | None) -> None:
        """Add a notice for a session that moved."""
        old, new = self._seen.get(session.id), session.status
        self._seen[session.id] = new
        age_s = (datetime.now(UTC) - session.created_at).total_seconds()
        is_fresh = old is None and age_s < _FRESH_S
        if notices is None or old == new or (old is None and not is_fresh):
            return
        name = self._name_of(session)
        if new is SessionStatus.FAILED:
            notices.add(
                "error",
                self.tr("{name} failed").format(name=name),
                sentence(session.error_message or ""),
                session_id=session.id,
            )
        elif new is SessionStatus.LOST:
            notices.add(
                "warning",
                self.tr("The host of {name} does not answer").format(name=name),
                self.tr("The session may still run; it comes back with its host."),
                session_id=session.id,
            )
        elif new is SessionStatus.RUNNING:
            text = self.tr("{name} is running").format(name=name)
            notices.add("info", text, session_id=session.id)
