"""The view of many assets: cells of one size, or rows; only what is in sight is looked at.

A list view in icon mode lays out every item: with 50,000 of them a resize stalls. Here a cell's
place follows from its number.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QDrag,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QWidget

from slate_desktop.ui.assets.cell import CellPainter
from slate_desktop.ui.assets.list_model import AssetListModel, Index
from slate_desktop.ui.theme import Theme

MIN_SIDE, MAX_SIDE = 64, 256
_PADDING = 8
_ROW_HEIGHT = 28
Flag = QItemSelectionModel.SelectionFlag


class AssetGrid(QAbstractItemView):
    """Shows an ``AssetListModel`` as a grid or a list."""

    opened = Signal(QModelIndex)
    look_wanted = Signal(QModelIndex)
    side_changed = Signal(int)

    def __init__(self, model: AssetListModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._cells = CellPainter(model, theme)
        self.is_list = False
        self.side = 112
        self._hovered = -1
        # Before anything else: settings below ask for the cell at a place, and an exception in an
        # override that Qt calls leaves PySide with a method that it has let go once too often.
        self.setModel(model)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragEnabled(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Assets"))
        model.modelReset.connect(self._measure)
        self.doubleClicked.connect(self.opened)
        theme.changed.connect(self._on_theme_changed)

    # -- how it is shown -------------------------------------------------------------------

    def set_list(self, is_on: bool) -> None:
        """Show rows, or a grid."""
        self.is_list = is_on
        self._relay()

    def set_side(self, side: int) -> None:
        """Show pictures of so many pixels."""
        self.side = min(max(side, MIN_SIDE), MAX_SIDE)
        self._relay()
        self.side_changed.emit(self.side)

    @property
    def columns(self) -> int:
        """How many cells stand beside each other."""
        return 1 if self.is_list else max(1, self.viewport().width() // self._cell_width())

    # -- QAbstractItemView -----------------------------------------------------------------

    def visualRect(self, index: Index) -> QRect:
        """Return where a cell is in the viewport."""
        if not index.isValid():
            return QRect()
        row, column = divmod(index.row(), self.columns)
        width, height = self._cell_width(), self._cell_height()
        top = row * height - self.verticalScrollBar().value()
        return QRect(column * width, top, width, height)

    def indexAt(self, point: QPoint) -> QModelIndex:
        """Return the cell at a place of the viewport."""
        column = point.x() // self._cell_width()
        if not 0 <= column < self.columns:
            return QModelIndex()
        row = (point.y() + self.verticalScrollBar().value()) // self._cell_height()
        number = row * self.columns + column
        model = self.model()
        return model.index(number, 0) if 0 <= number < model.rowCount() else QModelIndex()

    def scrollTo(
        self,
        index: Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Bring a cell into sight."""
        rect, bar = self.visualRect(index), self.verticalScrollBar()
        if rect.top() < 0:
            bar.setValue(bar.value() + rect.top())
        elif rect.bottom() > self.viewport().height():
            bar.setValue(bar.value() + rect.bottom() - self.viewport().height() + 1)

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Walk with the keys."""
        count = self.model().rowCount()
        if not count:
            return QModelIndex()
        moves = QAbstractItemView.CursorAction
        page = max(1, self.viewport().height() // self._cell_height()) * self.columns
        steps = {
            moves.MoveLeft: -1,
            moves.MoveRight: 1,
            moves.MovePrevious: -1,
            moves.MoveNext: 1,
            moves.MoveUp: -self.columns,
            moves.MoveDown: self.columns,
            moves.MovePageUp: -page,
            moves.MovePageDown: page,
            moves.MoveHome: -count,
            moves.MoveEnd: count,
        }
        current = max(0, self.currentIndex().row())
        target = current + steps[action]
        if action is moves.MoveUp and target < 0:
            target = current
        return self.model().index(min(max(0, target), count - 1), 0)

    def horizontalOffset(self) -> int:
        """Nothing moves sideways."""
        return 0

    def verticalOffset(self) -> int:
        """How far it is scrolled."""
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: Index) -> bool:
        """Nothing is hidden; what is filtered out is not in the model."""
        return False

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Select what a rectangle of the viewport touches."""
        rect = rect.normalized().translated(0, self.verticalScrollBar().value())
        width, height, columns = self._cell_width(), self._cell_height(), self.columns
        count = self.model().rowCount()
        first, last = max(0, rect.left() // width), min(columns - 1, rect.right() // width)
        selection = QItemSelection()
        for row in range(max(0, rect.top() // height), rect.bottom() // height + 1):
            begin, end = row * columns + first, min(row * columns + last, count - 1)
            if begin <= end < count:
                model = self.model()
                selection.select(model.index(begin, 0), model.index(end, 0))
        self.selectionModel().select(selection, command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        """Return what to paint anew when a selection changes."""
        return QRegion(self.viewport().rect())

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Move what is painted, and have only the rest painted."""
        self.viewport().scroll(dx, dy)
        # Afterwards: what is to be painted anew would be moved along.
        self._set_hovered(-1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Set the scroll bar."""
        super().resizeEvent(event)
        self._measure()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; with Ctrl change the size of the pictures."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and not self.is_list:
            self.set_side(self.side + (16 if event.angleDelta().y() > 0 else -16))
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open with Return, look with Space."""
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
            self.opened.emit(index)
        elif event.key() == Qt.Key.Key_Space and index.isValid() and not event.modifiers():
            self.look_wanted.emit(index)
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark what is under the mouse."""
        super().mouseMoveEvent(event)
        self._set_hovered(self.indexAt(event.position().toPoint()).row())

    def leaveEvent(self, event: QEvent) -> None:
        """Mark nothing."""
        super().leaveEvent(event)
        self._set_hovered(-1)

    def startDrag(self, actions: Qt.DropAction) -> None:
        """Drag the selected files out, to other programs.

        Qt's drag runs a loop of its own; it begins in a mouse event, never in a coroutine.
        """
        indexes = self.selectedIndexes()
        if not indexes:
            return
        drag = QDrag(self)
        drag.setMimeData(self.model().mimeData(indexes))
        pixmap = QPixmap(self._cells.grab(indexes[0].row(), min(self.side, 96)))
        drag.setPixmap(pixmap)
        drag.exec(Qt.DropAction.CopyAction)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cells in sight."""
        painter = QPainter(self.viewport())
        area = event.rect()
        painter.fillRect(area, self._theme.tokens.color("surface.panel"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        offset, columns = self.verticalOffset(), self.columns
        width, height = self._cell_width(), self._cell_height()
        count = self.model().rowCount()
        current = self.currentIndex().row() if self.hasFocus() else -1
        chosen = [
            (part.top(), part.bottom()) for part in self.selectionModel().selection().toList()
        ]
        first = (area.top() + offset) // height * columns
        last = min(count, ((area.bottom() + offset) // height + 1) * columns)
        self._cells.pictures.begin()
        for number in range(first, last):
            is_selected = any(low <= number <= high for low, high in chosen)
            look = (is_selected, number == current, number == self._hovered)
            row, column = divmod(number, columns)
            place = QRect(column * width, row * height - offset, width, height)
            self._cells.paint(painter, place, number, look, is_list=self.is_list)
        painter.end()
        if self._cells.pictures.is_rough:
            QTimer.singleShot(0, self.viewport(), self.viewport().update)

    # -- private ---------------------------------------------------------------------------

    def _set_hovered(self, row: int) -> None:
        if row != self._hovered:
            old, self._hovered = self._hovered, row
            for each in (old, row):
                if each >= 0:
                    self.viewport().update(self.visualRect(self.model().index(each, 0)))

    def _cell_width(self) -> int:
        return max(1, self.viewport().width()) if self.is_list else self.side + 2 * _PADDING

    def _cell_height(self) -> int:
        if self.is_list:
            return round(_ROW_HEIGHT * self._theme.zoom)
        return self.side + 2 * _PADDING + 2 * self.fontMetrics().height() + 2

    def _measure(self) -> None:
        rows = -(-self.model().rowCount() // self.columns)
        room = self.viewport().height()
        self.verticalScrollBar().setRange(0, max(0, rows * self._cell_height() - room))
        self.verticalScrollBar().setPageStep(room)
        self.verticalScrollBar().setSingleStep(max(24, self._cell_height() // 3))
        self.viewport().update()

    def _relay(self) -> None:
        """Lay out anew and keep the current cell in sight."""
        self._measure()
        self.scrollTo(self.currentIndex())

    def _on_theme_changed(self) -> None:
        self._cells.apply_theme()
        self._measure()
