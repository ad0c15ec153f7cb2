"""Paints the list of builds: text, a mark for the state, a bar for the progress.

The style that the program's sheet makes takes 0.3 ms for a cell, and a queue that moves is painted
anew several times a second. What a cell needs is a filled rectangle, a picture and a line of text,
which the view paints itself in a twentieth of that; only while something is dragged over it, it
leaves that to Qt, which then shows where it would fall.
"""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from slate_desktop.domain.build import BuildJob, BuildStatus
from slate_desktop.ui import icons
from slate_desktop.ui.builds import words
from slate_desktop.ui.builds.table import STATE, BuildsTable
from slate_desktop.ui.theme import Theme

_ICON, _PAD, _GAP = 16, 8, 6
_MAX_CUT = 2_000
_NO_PEN = Qt.PenStyle.NoPen


class CellPainter:
    """Paints cells in the theme's colours."""

    def __init__(self, theme: Theme, table: BuildsTable) -> None:
        self._theme, self._table = theme, table
        self._cut: dict[tuple[str, int], str] = {}
        self.apply_theme()

    def apply_theme(self) -> None:
        """Take colours and fonts of the theme."""
        tokens = self._theme.tokens
        self._cut.clear()
        self.selected: QColor = tokens.color("surface.selected")
        self._normal: QColor = tokens.color("text.normal")
        self._on_selected: QColor = tokens.color("text.on_selected")
        self._groove: QColor = tokens.color("surface.pressed")
        self._done: QColor = tokens.color("accent.main", 110)

    def paint(
        self,
        painter: QPainter,
        place: tuple[int, int, int, int],
        build: BuildJob,
        column: int,
        metrics: QFontMetrics,
        *,
        is_selected: bool,
    ) -> None:
        """Paint what a cell says.

        Args:
            painter: on the view.
            place: left, top, width and height, logical pixels.
            build: of its row.
            column: one of the table's.
            metrics: of the view's font.
            is_selected: whether its row is chosen.
        """
        left, top, width, height = place
        left, width = left + _PAD, width - 2 * _PAD
        is_mirrored = painter.layoutDirection() is Qt.LayoutDirection.RightToLeft
        if column == STATE:
            if build.status is BuildStatus.BUILDING:
                self._paint_bar(painter, place, build)
            name, role = words.look(build)
            if is_selected and role.startswith("text."):
                role = "text.on_selected"
            picture = icons.pixmap(name, self._theme.tokens, role)
            at = left + width - _ICON if is_mirrored else left
            painter.drawPixmap(at, top + (height - _ICON) // 2, picture)
            width -= _ICON + _GAP
            left += 0 if is_mirrored else _ICON + _GAP
        text = self._table.text(build, column)
        if text:
            painter.setPen(self._on_selected if is_selected else self._normal)
            baseline = top + (height - metrics.height()) // 2 + metrics.ascent()
            text = self._shortened(text, width, metrics)
            if is_mirrored:
                left += width - metrics.horizontalAdvance(text)
            painter.drawText(left, baseline, text)

    def _paint_bar(
        self, painter: QPainter, place: tuple[int, int, int, int], build: BuildJob
    ) -> None:
        bar = QRect(*place).adjusted(2, 3, -2, -3)
        painter.setPen(_NO_PEN)
        painter.setBrush(self._groove)
        painter.drawRoundedRect(bar, 3, 3)
        done = QRect(bar)
        done.setWidth(round(bar.width() * build.progress / 100))
        bar = QStyle.visualRect(painter.layoutDirection(), bar, done)
        painter.setBrush(self._done)
        painter.drawRoundedRect(bar, 3, 3)

    def _shortened(self, text: str, width: int, metrics: QFontMetrics) -> str:
        key = (text, width)
        found = self._cut.get(key)
        if found is None:
            if len(self._cut) >= _MAX_CUT:
                self._cut.clear()
            found = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
            self._cut[key] = found
        return found


class BuildsView(QTableView):
    """The list of builds."""

    def __init__(self, theme: Theme, table: BuildsTable) -> None:
        super().__init__()
        self._table = table
        self._cells = CellPainter(theme, table)
        self.setModel(table)
        self.setItemDelegate(_DraggedCells(self._cells, table, self))
        theme.changed.connect(self._on_theme_changed)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows of the damaged part."""
        if self.state() == QAbstractItemView.State.DraggingState:
            super().paintEvent(event)
            return
        painter = QPainter(self.viewport())
        damage, shown = event.rect(), self._table.shown
        first = self.rowAt(damage.top())
        last = self.rowAt(damage.bottom())
        if first < 0:
            return
        columns = [
            (column, self.columnViewportPosition(column), self.columnWidth(column))
            for column in range(self._table.columnCount())
            if not self.isColumnHidden(column)
        ]
        metrics = self.fontMetrics()
        # Whole rows are chosen. ``isRowSelected`` asks the model for each cell's flags.
        chosen = [
            (part.top(), part.bottom()) for part in self.selectionModel().selection().toList()
        ]
        width = self.viewport().width()
        for row in range(first, (last if last >= 0 else len(shown) - 1) + 1):
            top, height = self.rowViewportPosition(row), self.rowHeight(row)
            is_selected = any(low <= row <= high for low, high in chosen)
            if is_selected:
                painter.fillRect(0, top, width, height, self._cells.selected)
            for column, left, across in columns:
                place = (left, top, across, height)
                self._cells.paint(
                    painter, place, shown[row], column, metrics, is_selected=is_selected
                )

    def _on_theme_changed(self) -> None:
        self._cells.apply_theme()
        self.viewport().update()


class _DraggedCells(QStyledItemDelegate):
    """The same cells, where Qt paints them."""

    def __init__(self, cells: CellPainter, table: BuildsTable, parent: QObject) -> None:
        super().__init__(parent)
        self._cells, self._table = cells, table

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        rect = option.rect
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if is_selected:
            painter.fillRect(rect, self._cells.selected)
        self._cells.paint(
            painter,
            (rect.x(), rect.y(), rect.width(), rect.height()),
            self._table.shown[index.row()],
            index.column(),
            option.fontMetrics,
            is_selected=is_selected,
        )
