"""Columns of the console: which fields of structured lines stand beside the message."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QWidget

from slate_desktop.ui.console.painting import MARGIN
from slate_desktop.ui.console.row_text import RowText
from slate_desktop.ui.console.shown import Shown
from slate_desktop.ui.console.view import ConsoleView
from slate_desktop.ui.theme import Theme

# Lines at the end of the log that are asked for their fields, beside those on the screen.
_SAMPLE_ROWS = 500
_MAX_KEYS = 40


class Columns(QObject):
    """Offers the fields that lines have, and gives the chosen ones a column each."""

    def __init__(self, shown: Shown, view: ConsoleView, theme: Theme) -> None:
        super().__init__(view)
        self._shown, self._view = shown, view
        self.header = ColumnHeader(view, theme)

    def show_columns(self) -> None:
        """Show those that were chosen for the log that is shown."""
        if self._view.painting.rows.columns != self._shown.memory.columns:
            self._view.painting.rows.set_columns(self._shown.memory.columns)
            self.header.show_names()
            self._view.change_text()

    def available(self) -> dict[str, int]:
        """Return the fields that can be columns, each with its longest value."""
        from slate_desktop.control.log_fields import column_keys

        rows = self._view.rows
        sample = self._view.visible_rows()
        if rows is not None:
            sample += rows.rows(len(rows) - _SAMPLE_ROWS, len(rows))
        found = column_keys(sample)
        return dict(list(found.items())[:_MAX_KEYS]) | self._shown.memory.columns

    def toggle(self, key: str, width: int) -> None:
        """Give a field a column, or take it away."""
        columns = dict(self._shown.memory.columns)
        if columns.pop(key, None) is None:
            columns[key] = width
        self._shown.memory.columns = columns
        self.show_columns()

    def open_menu(self) -> None:
        """Open the list of fields."""
        menu = QMenu(self._view)
        menu.setAccessibleName(self.tr("Columns"))
        menu.aboutToHide.connect(menu.deleteLater)
        available = self.available()
        for key, width in available.items():
            action = menu.addAction(key.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(key in self._shown.memory.columns)
            action.triggered.connect(lambda *_, key=key, width=width: self.toggle(key, width))
        if not available:
            words = self.tr("These lines have no fields: JSON lines and metadata have")
            menu.addAction(words).setEnabled(False)
        menu.popup(self._view.viewport().mapToGlobal(QPoint(20, 10)))


class ColumnHeader(QWidget):
    """Names the columns over the log; is not there without columns."""

    def __init__(self, view: ConsoleView, theme: Theme) -> None:
        super().__init__(view)
        self._view, self._theme = view, theme
        view.viewport().installEventFilter(self)
        view.horizontalScrollBar().valueChanged.connect(lambda _value: self.update())
        self.setAccessibleName(self.tr("Names of the columns"))
        self.hide()

    def show_names(self) -> None:
        """Make room for the names of the columns, or take it back."""
        has_columns = bool(self._view.painting.rows.columns)
        self._view.set_header_height(self._view.painting.row_height if has_columns else 0)
        self.setVisible(has_columns)
        self._place()
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay over the lines."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move):
            self._place()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint each name over its column."""
        painting, tokens = self._view.painting, self._theme.tokens
        painter = QPainter(self)
        painter.fillRect(event.rect(), tokens.color("surface.panel"))
        painter.setFont(painting.font)
        painter.setPen(tokens.color("text.muted"))
        left = MARGIN - self._view.horizontalScrollBar().value() * painting.char_width
        painter.drawText(QPointF(left, painting.baseline), header_text(painting.rows))

    def _place(self) -> None:
        port = self._view.viewport().geometry()
        height = self._view.painting.row_height
        self.setGeometry(port.x(), port.y() - height, port.width(), height)


def header_text(rows: RowText) -> str:
    """Return the names of the columns, where the columns are."""
    return " " * rows.columns_start + rows.column_names
