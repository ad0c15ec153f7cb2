"""Notifications: what the window shows as toasts and keeps under the bell."""

from __future__ import annotations

import itertools
from collections import deque
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from slate_desktop.control.signals import Signal
from slate_desktop.errors import CommandError, SlateError

MAX_NOTICES = 200


class NoticeLevel(StrEnum):
    """Weight of a notice; ``info`` belongs in the status bar only."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One notification.

    Attributes:
        number: rises with each notice.
        level: its weight.
        title: what happened.
        text: why, and what to do next; may be empty.
        raw: the technical text behind it, one click away.
        session_id: the session that it is about, or None.
        at: when, aware UTC.
    """

    number: int
    level: NoticeLevel
    title: str
    text: str = ""
    raw: str = ""
    session_id: str | None = None
    at: datetime


class Notices:
    """The newest ``MAX_NOTICES`` notices, oldest first."""

    added = Signal(object)  # Notice
    unread_changed = Signal(int)

    def __init__(self) -> None:
        self.items: deque[Notice] = deque(maxlen=MAX_NOTICES)
        self._unread = 0
        self._numbers = itertools.count(1)

    @property
    def unread(self) -> int:
        """How many came since ``mark_read``."""
        return self._unread

    def add(
        self,
        level: NoticeLevel | str,
        title: str,
        text: str = "",
        *,
        raw: str = "",
        session_id: str | None = None,
    ) -> Notice:
        """Add a notice and announce it."""
        notice = Notice(
            number=next(self._numbers),
            level=NoticeLevel(level),
            title=title,
            text=text,
            raw=raw,
            session_id=session_id,
            at=datetime.now(UTC),
        )
        self.items.append(notice)
        if notice.level is not NoticeLevel.INFO:
            self._unread += 1
            self.unread_changed.emit(self._unread)
        self.added.emit(notice)
        return notice

    def add_error(self, title: str, error: SlateError, *, session_id: str | None = None) -> Notice:
        """Add what an error says: its sentence, its hint, and the code behind it."""
        text = " ".join(part for part in (str(error), error.hint) if part)
        raw = type(error).__name__
        if isinstance(error, CommandError):
            raw = f"{error.code}: {error.message} {error.details or ''}".rstrip()
        return self.add(NoticeLevel.ERROR, title, text, raw=raw, session_id=session_id)

    def mark_read(self) -> None:
        """Set the unread count to zero."""
        if self._unread:
            self._unread = 0
            self.unread_changed.emit(0)
