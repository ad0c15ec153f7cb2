"""The rows of the audit trail, and which of them pass the filters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)

from slate_desktop.domain.audit import NO_ANSWER, OK, AuditEntry
from slate_desktop.translation import sentence
from slate_desktop.ui import icons
from slate_desktop.ui.text import clean, format_time
from slate_desktop.ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
TIME, PERSON, PROJECT, ACTION, TARGET, RESULT, DETAIL = range(7)
SHORT_ID = 8
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f-]{8,}")


class ResultFilter(StrEnum):
    """Rows by their result."""

    ALL = "all"
    DONE = "done"
    FAILED = "failed"
    OPEN = "open"

    def takes(self, entry: AuditEntry) -> bool:
        """Tell whether a row is one of these."""
        if self is ResultFilter.ALL:
            return True
        if entry.code is None:
            return self is ResultFilter.OPEN
        return (entry.code == OK) == (self is ResultFilter.DONE) and self is not ResultFilter.OPEN


class AuditRows(QAbstractTableModel):
    """Entries, newest first."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self.entries: list[AuditEntry] = []

    def set_entries(self, entries: Sequence[AuditEntry]) -> None:
        """Show these; what stays the same keeps its selection."""
        if [e.id for e in entries] == [e.id for e in self.entries]:
            self.entries = list(entries)
            if entries:
                self.dataChanged.emit(self.index(0, 0), self.index(len(entries) - 1, DETAIL))
            return
        self.beginResetModel()
        self.entries = list(entries)
        self.endResetModel()

    def entry(self, index: Index) -> AuditEntry:
        """Return the row at an index of this model."""
        return self.entries[index.row()]

    # -- QAbstractTableModel ---------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return how many rows there are."""
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return how many columns there are."""
        return 0 if parent.isValid() else DETAIL + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title."""
        if orientation is not Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        titles = (self.tr("Time"), self.tr("Person"), self.tr("Project"), self.tr("Action"),
                  self.tr("Target"), self.tr("Result"), self.tr("What"))  # fmt: skip
        return titles[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows."""
        if not index.isValid():
            return None
        entry, column = self.entries[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(entry, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(entry, column)
        if role == Qt.ItemDataRole.DecorationRole and column == RESULT:
            return icons.icon(*_picture(entry, self._theme))
        return None

    def _text(self, entry: AuditEntry, column: int) -> str:
        result = self.tr("done") if entry.code == OK else sentence(entry.result)
        cells = (
            format_time(entry.recorded_at), entry.user_name, entry.project_name, entry.action,
            _short(entry.target), result, sentence(entry.detail or entry.message),
        )  # fmt: skip
        return clean(cells[column])

    def _tip(self, entry: AuditEntry, column: int) -> str | None:
        tips = {
            TIME: entry.recorded_at.astimezone().isoformat(sep=" ", timespec="milliseconds"),
            PERSON: entry.user_id,
            PROJECT: entry.project_id,
            TARGET: entry.target,
            RESULT: sentence(entry.message),
            DETAIL: "\n".join(sentence(part) for part in (entry.detail, entry.message) if part),
        }
        return clean(tips.get(column, "")) or None


class AuditFilter(QSortFilterProxyModel):
    """Rows of a person, with a result, that hold a text."""

    def __init__(self, rows: AuditRows) -> None:
        super().__init__(rows)
        self._rows = rows
        self._person = ""
        self._result = ResultFilter.ALL
        self._text = ""
        self.setSourceModel(rows)

    def set(self, *, person: str, result: ResultFilter, text: str) -> None:
        """Change what passes; an empty person is everybody."""
        self._person, self._result, self._text = person, result, text.casefold()
        self.invalidate()

    def filterAcceptsRow(self, source_row: int, _source_parent: Index) -> bool:
        """Tell whether a row passes."""
        entry = self._rows.entries[source_row]
        if self._person not in ("", person_key(entry)) or not self._result.takes(entry):
            return False
        words = (entry.user_name, entry.project_name, entry.action, entry.target, entry.result,
                 entry.detail, entry.message, sentence(entry.detail), sentence(entry.message),
                 entry.agent_id)  # fmt: skip
        return not self._text or any(self._text in word.casefold() for word in words)


def person_key(entry: AuditEntry) -> str:
    """Return what tells a person from others; the server's administrator has no id."""
    return entry.user_id or entry.user_name


def _picture(entry: AuditEntry, theme: Theme) -> tuple[Any, ...]:
    if entry.code == OK:
        return "circle-check", theme.tokens, "state.ok"
    if entry.is_unanswered or entry.code == NO_ANSWER:
        return "circle-x", theme.tokens, "state.warn"
    if entry.code is None:
        return "circle-dashed", theme.tokens, "state.idle"
    return "circle-x", theme.tokens, "state.error"


def _short(target: str) -> str:
    """Return the beginning of an id; names and paths whole."""
    return target[:SHORT_ID] if _ID.fullmatch(target) else target
