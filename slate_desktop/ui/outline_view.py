"""The view of an outline: indented rows with arrows, as a tree view has them.

A table view with rows of one height asks for the rows on the screen only. The mouse and the keys
of a tree are here; screen readers get the rows from the table.
"""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from slate_desktop.ui import icons
from slate_desktop.ui.outline import DEPTH_ROLE, OPEN_ROLE, OutlineModel
from slate_desktop.ui.project_model import ProjectModel
from slate_desktop.ui.project_nodes import Node
from slate_desktop.ui.rows import BadgeDelegate
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.viewport import own_viewport

Index = QModelIndex | QPersistentModelIndex
_INDENT = 14
_ROW_HEIGHT = 24


class OutlineDelegate(BadgeDelegate):
    """Paints indentation and arrow, then the row."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint a row."""
        super().paint_ground(painter, option)
        depth, is_open = index.data(DEPTH_ROLE), index.data(OPEN_ROLE)
        left = depth * _INDENT
        inner, whole, direction = QStyleOptionViewItem(option), option.rect, option.direction
        inner.rect = QStyle.visualRect(direction, whole, whole.adjusted(left + _INDENT, 0, 0, 0))
        if is_open is not None:
            is_mirrored = direction is Qt.LayoutDirection.RightToLeft
            closed = "chevron-left" if is_mirrored else "chevron-right"
            name = "chevron-down" if is_open else closed
            arrow = icons.pixmap(name, self._theme.tokens, size=_INDENT)
            middle = whole.center().y() - _INDENT // 2 + 1
            place = QRect(whole.left() + left, middle, _INDENT, _INDENT)
            painter.drawPixmap(QStyle.visualRect(direction, whole, place).topLeft(), arrow)
        super().paint(painter, inner, index)

    def paint_ground(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        """Paint nothing here: what is painted below the row reaches to the left edge."""

    def is_bold(self, index: Index) -> bool:
        """Write the top level bold."""
        return index.data(DEPTH_ROLE) == 0


class OutlineView(QTableView):
    """Shows an outline; opens and closes its rows.

    ``expand``, ``collapse`` and ``isExpanded`` take indexes of the source model.
    """

    # A row that cannot be opened was double-clicked, or Return was pressed on it.
    node_activated = Signal(object)

    def __init__(self, source: ProjectModel, theme: Theme, badge_role: int, parent: QWidget):
        super().__init__(parent)
        own_viewport(self)
        self._theme = theme
        self._is_on_arrow = False
        self.outline = OutlineModel(source, self)
        self.setModel(self.outline)
        self.setItemDelegate(OutlineDelegate(theme, badge_role, self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.horizontalHeader().hide()
        self.horizontalHeader().setMinimumSectionSize(1)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(1)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._on_theme_changed()
        theme.changed.connect(self._on_theme_changed)

    # -- rows ------------------------------------------------------------------------------

    def node_at(self, index: Index) -> Node | None:
        """Return what a row shows."""
        return self.outline.node_at(index.row()) if index.isValid() else None

    def expand(self, index: Index) -> None:
        """Open a row."""
        node = self.outline.source.node(index)
        if node is not None:
            self.outline.open(node)

    def collapse(self, index: Index) -> None:
        """Close a row; the current row goes there when it was below."""
        node = self.outline.source.node(index)
        if node is not None:
            self._close(node)

    def isExpanded(self, index: Index) -> bool:
        """Tell whether a row is open."""
        node = self.outline.source.node(index)
        return node is not None and self.outline.is_open(node)

    def show_node(self, node: Node) -> None:
        """Open what is above a node and make it the current row."""
        self.outline.reveal(node)
        self.setCurrentIndex(self.outline.index(self.outline.row_of(node)))

    # -- QTableView ------------------------------------------------------------------------

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Let Home and End go to the first and the last row; a table stays in its row."""
        if action is QAbstractItemView.CursorAction.MoveHome:
            return self.outline.index(0)
        if action is QAbstractItemView.CursorAction.MoveEnd:
            return self.outline.index(self.outline.rowCount() - 1)
        return super().moveCursor(action, modifiers)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open and close with the keys of a tree."""
        node = self.node_at(self.currentIndex())
        plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if node is None or not self._on_tree_key(event.key(), node, has_modifier=bool(plain)):
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Open or close at the arrow, without choosing the row."""
        if not self._press_arrow(event):
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag nothing from the arrow."""
        if not self._is_on_arrow:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a press."""
        if not self._is_on_arrow:
            super().mouseReleaseEvent(event)
        self._is_on_arrow = False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open or close the row."""
        if self._press_arrow(event):
            return
        super().mouseDoubleClickEvent(event)
        node = self.node_at(self.indexAt(event.position().toPoint()))
        if node is not None and event.button() == Qt.MouseButton.LeftButton:
            self._activate(node)

    # -- opening and closing ---------------------------------------------------------------

    def _on_tree_key(self, key: int, node: Node, *, has_modifier: bool) -> bool:
        """Do what a tree does with a key; false where it is not a key of a tree."""
        outline = self.outline
        can_open = outline.source.has_children(node)
        if key == Qt.Key.Key_Asterisk:
            self._open_all(node)
        elif key == Qt.Key.Key_Plus and can_open:
            outline.open(node)
        elif key == Qt.Key.Key_Minus and outline.is_open(node):
            self._close(node)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not has_modifier:
            self._activate(node)
        elif has_modifier or key not in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            return False
        elif key == Qt.Key.Key_Right:
            if can_open and not outline.is_open(node):
                outline.open(node)
            elif outline.rows_below(self.currentIndex().row()):
                self.setCurrentIndex(outline.index(self.currentIndex().row() + 1))
        elif can_open and outline.is_open(node):
            self._close(node)
        else:
            above = outline.parent_row(self.currentIndex().row())
            if above >= 0:
                self.setCurrentIndex(outline.index(above))
        return True

    def _open_all(self, node: Node) -> None:
        """Open a row and the known rows below it that can be opened."""
        self.outline.open(node)
        for child in self.outline.source.openable(node):
            self._open_all(child)

    def _activate(self, node: Node) -> None:
        if self.outline.source.has_children(node):
            self._toggle(node)
        else:
            self.node_activated.emit(node)

    def _toggle(self, node: Node) -> None:
        if self.outline.is_open(node):
            self._close(node)
        else:
            self.outline.open(node)

    def _close(self, node: Node) -> None:
        row = self.outline.row_of(node)
        if row >= 0 and row < self.currentIndex().row() <= row + self.outline.rows_below(row):
            self.setCurrentIndex(self.outline.index(row))
        self.outline.close(node)

    def _press_arrow(self, event: QMouseEvent) -> bool:
        index = self.indexAt(event.position().toPoint())
        node = self.node_at(index)
        self._is_on_arrow = (
            node is not None
            and event.button() == Qt.MouseButton.LeftButton
            and index.data(OPEN_ROLE) is not None
            and self.arrow_rect(index).contains(event.position().toPoint())
        )
        if self._is_on_arrow and node is not None:
            self._toggle(node)
        return self._is_on_arrow

    def arrow_rect(self, index: Index) -> QRect:
        """Return where a row's arrow is, in the viewport."""
        rect = self.visualRect(index)
        left = rect.left() + index.data(DEPTH_ROLE) * _INDENT
        place = QRect(left, rect.top(), _INDENT, rect.height())
        return QStyle.visualRect(self.layoutDirection(), rect, place)

    def _on_theme_changed(self) -> None:
        self.verticalHeader().setDefaultSectionSize(round(_ROW_HEIGHT * self._theme.zoom))
        self.viewport().update()
