"""The list of builds: a table that is filtered and sorted, with a bar for the progress."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from slate_desktop.domain.build import BuildJob, BuildStatus
from slate_desktop.ui import icons
from slate_desktop.ui.builds import words
from slate_desktop.ui.theme import Theme

BUILD_ROLE = Qt.ItemDataRole.UserRole + 1
SORT_ROLE = Qt.ItemDataRole.UserRole + 2
STATE, PROJECT, PLATFORM, TYPE, DURATION, WHEN, WHY = range(7)
_Index = QModelIndex | QPersistentModelIndex


class BuildsTable(QAbstractTableModel):
    """The rows of the list."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self.builds: list[BuildJob] = []
        self.names: dict[str, str] = {}
        self._titles = (
            self.tr("State"),
            self.tr("Project"),
            self.tr("Platform"),
            self.tr("Type"),
            self.tr("Duration"),
            self.tr("Made"),
            self.tr("What, or why"),
        )

    def set_builds(self, builds: list[BuildJob], names: dict[str, str]) -> None:
        """Show these builds, changing rows in place where the set is the same."""
        self.names = names
        if [b.id for b in builds] == [b.id for b in self.builds]:
            self.builds = list(builds)
            if builds:
                self.dataChanged.emit(self.index(0, 0), self.index(len(builds) - 1, WHY))
            return
        self.beginResetModel()
        self.builds = list(builds)
        self.endResetModel()

    def touch(self, build: BuildJob) -> None:
        """Show a build's new progress."""
        for row, known in enumerate(self.builds):
            if known.id == build.id:
                self.builds[row] = build
                self.dataChanged.emit(self.index(row, 0), self.index(row, WHY))

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of builds."""
        return 0 if parent.isValid() else len(self.builds)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._titles)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the view paints."""
        if not index.isValid() or index.row() >= len(self.builds):
            return None
        build = self.builds[index.row()]
        if role == BUILD_ROLE:
            return build
        if role == SORT_ROLE:
            return self._sort_key(build, index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(build, index.column())
        if role == Qt.ItemDataRole.DecorationRole and index.column() == STATE:
            icon, color = words.look(build)
            return icons.icon(icon, self._theme.tokens, color)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            # Zero-width space first: Qt guesses rich text from a leading tag.
            return f"\u200b{self._text(build, index.column())}"
        return None

    def _text(self, build: BuildJob, column: int) -> str:
        return (
            words.state_words(build),
            self.names.get(build.project_id, build.project_id[:8]),
            words.platform_words(build),
            build.build_type.value,
            words.duration_words(build),
            words.when_words(build),
            words.why_words(build).replace("\n", " "),
        )[column]

    def _sort_key(self, build: BuildJob, column: int) -> Any:
        if column == DURATION:
            return build.duration_s or 0.0
        if column == WHEN:
            return build.created_at.timestamp()
        return self._text(build, column).casefold()


class BuildsFilter(QSortFilterProxyModel):
    """Narrows the list by words and by state."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)
        self._text = ""
        self._state = ""

    def set_text(self, text: str) -> None:
        """Show only builds with all of these words in a row."""
        self._text = text.casefold()
        self.invalidate()

    def set_state(self, state: str) -> None:
        """Show only builds that are active, passed, suspect, failed, cancelled; empty for all."""
        self._state = state
        self.invalidate()

    def filterAcceptsRow(self, source_row: int, source_parent: _Index) -> bool:
        """Tell whether a row is shown."""
        model = self.sourceModel()
        if not isinstance(model, BuildsTable):
            return True
        build = model.builds[source_row]
        if self._state == "active" and build.is_final:
            return False
        if self._state not in ("", "active") and words.state_words(build) != self._state:
            is_failed = self._state == "failed" and build.status is BuildStatus.FAILED
            if not is_failed:
                return False
        if not self._text:
            return True
        row = " ".join(
            str(model.data(model.index(source_row, column)) or "")
            for column in range(model.columnCount())
        ).casefold()
        return all(word in row or build.id.startswith(word) for word in self._text.split())


class ProgressDelegate(QStyledItemDelegate):
    """Paints the state of a running build over a bar."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Paint a cell."""
        build = index.data(BUILD_ROLE)
        if isinstance(build, BuildJob) and build.status is BuildStatus.BUILDING:
            rect = QRect(option.rect).adjusted(2, 3, -2, -3)
            painter.save()
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.tokens.color("surface.pressed"))
            painter.drawRoundedRect(rect, 3, 3)
            rect.setWidth(round(rect.width() * build.progress / 100))
            color = self._theme.tokens.color("accent.main")
            color.setAlpha(110)
            painter.setBrush(color)
            painter.drawRoundedRect(rect, 3, 3)
            painter.restore()
        super().paint(painter, option, index)
