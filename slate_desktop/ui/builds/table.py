"""The rows of the list of builds: filtered and sorted here, since a proxy asks for each cell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from slate_desktop.domain.build import BuildJob, BuildStatus
from slate_desktop.domain.builds.order import Place, in_order, places
from slate_desktop.ui.builds import words

BUILD_ROLE = Qt.ItemDataRole.UserRole + 1
STATE, PROJECT, PLATFORM, TYPE, DURATION, WHEN, WHY = range(7)
# What they are called where their order is kept, whatever the window's language.
COLUMNS = ("state", "project", "platform", "type", "duration", "made", "why")
_MIME = "application/x-slate-builds"
_Index = QModelIndex | QPersistentModelIndex
# Put together once: Python takes ten microseconds for each "or" of flags.
_ROW = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemNeverHasChildren
_WAITING_ROW = _ROW | Qt.ItemFlag.ItemIsDragEnabled


class BuildsTable(QAbstractTableModel):
    """The rows of the list: what runs, the queue in its order, what has ended.

    Attributes:
        builds: all of them, in that order.
        shown: those that the filter leaves, as they are sorted.
        places: of those that wait.
    """

    moved = Signal(list, str, bool)  # ids, the build beside which they go, whether behind it
    # Builds are about to stand, and stand, in other rows: what is chosen moves with them.
    arranging = Signal()
    arranged = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.builds: list[BuildJob] = []
        self.shown: list[BuildJob] = []
        self.names: dict[str, str] = {}
        self.places: dict[str, Place] = {}
        self._text, self._state = "", ""
        self._column, self._is_descending = -1, False
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
        self.builds = in_order(builds)
        self.places = places(self.builds)
        self._show()

    def touch(self, build: BuildJob) -> None:
        """Show a build's new progress."""
        for row, known in enumerate(self.builds):
            if known.id == build.id:
                self.builds[row] = build
        for row, known in enumerate(self.shown):
            if known.id == build.id:
                self.shown[row] = build
                self.dataChanged.emit(self.index(row, 0), self.index(row, WHY))

    def set_text(self, text: str) -> None:
        """Show only builds with all of these words in a row."""
        self._text = text.casefold()
        self._show()

    def set_state(self, state: str) -> None:
        """Show only builds that are active, passed, suspect, failed, cancelled; empty for all."""
        self._state = state
        self._show()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column, -1 for the order of the queue."""
        self._column, self._is_descending = column, order is Qt.SortOrder.DescendingOrder
        self._show()

    def row_of(self, build_id: str) -> int:
        """Return the row of a build, -1 where it is not shown."""
        return next((row for row, build in enumerate(self.shown) if build.id == build_id), -1)

    def text(self, build: BuildJob, column: int) -> str:
        """Return what a cell says."""
        if column == STATE:
            return words.state_words(build)
        if column == PROJECT:
            return self.names.get(build.project_id, build.project_id[:8])
        if column == PLATFORM:
            return words.platform_words(build)
        if column == TYPE:
            return build.build_type.value
        if column == DURATION:
            return words.duration_words(build)
        return words.when_words(build) if column == WHEN else self._why(build)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """Let waiting builds be dragged, where the queue's own order is shown."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        can_move = self._column < 0 and self.shown[index.row()].id in self.places
        return _WAITING_ROW if can_move else _ROW

    def supportedDropActions(self) -> Qt.DropAction:
        """Rows move."""
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        """Return the only type that is dropped here."""
        return [_MIME]

    def mimeData(self, indexes: Iterable[QModelIndex]) -> QMimeData:
        """Return the ids of the dragged builds, in the queue's order."""
        rows = sorted({index.row() for index in indexes})
        ids = [self.shown[row].id for row in rows if self.shown[row].id in self.places]
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
        if self._column >= 0:
            return None
        if row < 0:
            row = parent.row() if parent.isValid() else len(self.shown)
        if row < len(self.shown) and self.shown[row].id in self.places:
            return self.shown[row].id, False
        if 0 < row <= len(self.shown) and self.shown[row - 1].id in self.places:
            return self.shown[row - 1].id, True
        return None

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of builds that are shown."""
        return 0 if parent.isValid() else len(self.shown)

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
        """Return what the view and screen readers ask for; ``cells`` paints without it."""
        if not index.isValid() or index.row() >= len(self.shown):
            return None
        build = self.shown[index.row()]
        if role == BUILD_ROLE:
            return build
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(build, index.column())
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            # Zero-width space first: Qt guesses rich text from a leading tag.
            return f"\u200b{self.text(build, index.column())}"
        return None

    def _show(self) -> None:
        shown = [build for build in self.builds if self._accepts(build)]
        if self._column >= 0:
            shown.sort(key=self._sort_key, reverse=self._is_descending)
        is_moved = [build.id for build in shown] != [build.id for build in self.shown]
        if is_moved:
            self.arranging.emit()
        # Rows are places that builds stand at: a reset would have headers made and painted anew.
        old, new = len(self.shown), len(shown)
        if new > old:
            self.beginInsertRows(QModelIndex(), old, new - 1)
            self.shown = shown
            self.endInsertRows()
        elif new < old:
            self.beginRemoveRows(QModelIndex(), new, old - 1)
            self.shown = shown
            self.endRemoveRows()
        self.shown = shown
        if shown:
            self.dataChanged.emit(self.index(0, 0), self.index(new - 1, WHY))
        if is_moved:
            self.arranged.emit()

    def _accepts(self, build: BuildJob) -> bool:
        if self._state == "active" and build.is_final:
            return False
        if self._state not in ("", "active") and words.state_words(build) != self._state:
            is_failed = self._state == "failed" and build.status is BuildStatus.FAILED
            if not is_failed:
                return False
        if not self._text:
            return True
        row = " ".join(self.text(build, column) for column in range(len(self._titles))).casefold()
        return all(word in row or build.id.startswith(word) for word in self._text.split())

    def _sort_key(self, build: BuildJob) -> Any:
        if self._column == DURATION:
            return build.duration_s or 0.0
        if self._column == WHEN:
            return build.created_at.timestamp()
        return self.text(build, self._column).casefold()

    def _why(self, build: BuildJob) -> str:
        place = self.places.get(build.id)
        if place is not None and not build.progress_message:
            return words.place_words(place)
        return words.why_words(build).replace("\n", " ")
