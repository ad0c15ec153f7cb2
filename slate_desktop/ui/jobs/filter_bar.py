"""What of the table of jobs is shown, and in which order: a field, a list, and a menu for keys."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QComboBox, QLineEdit, QMenu, QToolButton

from slate_desktop.ui import icons
from slate_desktop.ui.flow import FlowLayout
from slate_desktop.ui.jobs import words
from slate_desktop.ui.jobs.arranging import STAGES
from slate_desktop.ui.jobs.rows import DETAIL, JobRows
from slate_desktop.ui.jobs.view import JobsView
from slate_desktop.ui.theme import Theme


class JobFilter(QObject):
    """Filters rows by name and state, and sorts the view as its header does.

    Attributes:
        field: words of the asset's path.
        states: one state, or all.
        order: opens a menu of the columns.
    """

    def __init__(self, theme: Theme, rows: JobRows, view: JobsView) -> None:
        super().__init__(view)
        self._theme, self._view = theme, view
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Filter by name or folder"))
        self.field.setAccessibleName(self.tr("Filter jobs by name or folder"))
        self.field.setClearButtonEnabled(True)
        self.field.setMinimumWidth(120)
        self.field.setMaximumWidth(280)
        self.field.textChanged.connect(rows.set_words)
        self.states = QComboBox()
        self.states.setAccessibleName(self.tr("State of the jobs"))
        self.states.addItem(self.tr("Any state"), None)
        for status in STAGES:
            name = words.name_of(status)
            self.states.addItem(name[:1].upper() + name[1:], status)
        self.states.currentIndexChanged.connect(
            lambda _index: rows.set_status(self.states.currentData())
        )
        self._columns = QActionGroup(self)
        self._reversed = QAction(self.tr("Reversed"), self)
        self.order = self._make_order(rows)
        theme.changed.connect(self._show_icon)
        self._show_icon()
        view.header().sortIndicatorChanged.connect(self._show_order)
        self._show_order(-1, Qt.SortOrder.AscendingOrder)

    def add_to(self, bar: FlowLayout) -> None:
        """Put all of it into a bar."""
        for widget in (self.field, self.states, self.order):
            bar.addWidget(widget)

    def show(self, is_visible: bool) -> None:
        """Show it, or nothing of it where there is nothing to filter."""
        for widget in (self.field, self.states, self.order):
            widget.setVisible(is_visible)

    def _make_order(self, rows: JobRows) -> QToolButton:
        button = QToolButton()
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setToolTip(self.tr("Order of the jobs"))
        button.setAccessibleName(self.tr("Order of the jobs"))
        menu = QMenu(button)
        menu.setAccessibleName(self.tr("Order of the jobs"))
        for column in range(-1, DETAIL + 1):
            title = rows.headerData(column, Qt.Orientation.Horizontal) if column >= 0 else ""
            action = QAction(title or self.tr("Newest first"), self._columns)
            action.setCheckable(True)
            action.setData(column)
            menu.addAction(action)
        menu.addSeparator()
        self._reversed.setCheckable(True)
        menu.addAction(self._reversed)
        self._columns.triggered.connect(lambda _action: self._sort())
        self._reversed.triggered.connect(lambda _is_on: self._sort())
        button.setMenu(menu)
        return button

    def _sort(self) -> None:
        chosen = self._columns.checkedAction()
        column = -1 if chosen is None else int(chosen.data())
        is_descending = self._reversed.isChecked() and column >= 0
        order = Qt.SortOrder.DescendingOrder if is_descending else Qt.SortOrder.AscendingOrder
        self._view.sortByColumn(column, order)

    def _show_order(self, column: int, order: Qt.SortOrder) -> None:
        """Mark what the header shows; the model's own order has no other direction."""
        for action in self._columns.actions():
            action.setChecked(action.data() == column)
        self._reversed.setEnabled(column >= 0)
        self._reversed.setChecked(column >= 0 and order is Qt.SortOrder.DescendingOrder)

    def _show_icon(self) -> None:
        self.order.setIcon(icons.icon("arrow-down-up", self._theme.tokens))
