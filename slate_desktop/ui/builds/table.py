"""The list of builds: a table that is filtered and sorted, with a bar for the progress."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from slate_desktop.domain.build import BuildJob, BuildStatus
from slate_desktop.domain.builds.order import Place, in_order, places
from slate_desktop.ui import icons
from slate_desktop.ui.builds import words
from slate_desktop.ui.theme import Theme

BUILD_ROLE = Qt.ItemDataRole.UserRole + 1
SORT_ROLE = Qt.ItemDataRole.UserRole + 2
STATE, PROJECT, PLATFORM, TYPE, DURATION, WHEN, WHY = range(7)
_MIME = "application/x-slate-builds"
_Index = QModelIndex | QPersistentModelIndex


class BuildsTable(QAbstractTableModel):
    """The rows of the list: what runs, the queue in its order, what has ended."""

    moved = Signal(list, str, bool)  # ids, the build beside which they go, whether behind it

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self.builds: list[BuildJob] = []
        self.names: dict[str, str] = {}
        self.places: dict[str, Place] = {}
        self._can_move = True
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
        builds = in_order(builds)
        self.places = places(builds)
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

    def set_can_move(self, can_move: bool) -> None:
        """Allow rows to be dragged; only where the queue's order is the one that is shown."""
        self._can_move = can_move

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """Let waiting builds be dragged."""
        found = super().flags(index)
        if self._can_move and index.isValid() and self.builds[index.row()].id in self.places:
            found |= Qt.ItemFlag.ItemIsDragEnabled
        return found

    def supportedDropActions(self) -> Qt.DropAction:
        """Rows move."""
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        """Return the only type that is dropped here."""
        return [_MIME]

    def mimeData(self, indexes: Iterable[QModelIndex]) -> QMimeData:
        """Return the ids of the dragged builds, in the queue's order."""
        rows = sorted({index.row() for index in indexes})
        ids = [self.builds[row].id for row in rows if self.builds[row].id in self.places]
        data = QMimeData()
        data.setData(_MIME, "\n".join(ids).encode())
        return data

    def canDropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: _Index
    ) -> bool:
        """Tell whether builds may be dropped there: beside one that waits."""
        return data.hasFormat(_MIME) and self._neighbour(row, parent) is not None

    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: _Index
    ) -> bool:
        """Say where builds were dropped; the rows come back in their new order."""
        found = self._neighbour(row, parent)
        ids = [i for i in bytes(data.data(_MIME).data()).decode().split("\n") if i in self.places]
        if found is None or not ids:
            return False
        other_id, is_after = found
        ids = [build_id for build_id in ids if build_id != other_id]
        if ids:
            self.moved.emit(ids, other_id, is_after)
        # The view would remove the rows that it believes to have been copied.
        return False

    def _neighbour(self, row: int, parent: _Index) -> tuple[str, bool] | None:
        """Return the waiting build beside a gap, and whether the gap is behind it."""
        if not self._can_move:
            return None
        if row < 0:
            row = parent.row() if parent.isValid() else len(self.builds)
        if row < len(self.builds) and self.builds[row].id in self.places:
            return self.builds[row].id, False
        if 0 < row <= len(self.builds) and self.builds[row - 1].id in self.places:
            return self.builds[row - 1].id, True
        return None

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
            self._why(build),
        )[column]

    def _why(self, build: BuildJob) -> str:
        place = self.places.get(build.id)
        if place is not None and not build.progress_message:
            return words.place_words(place)
        return words.why_words(build).replace("\n", " ")

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
