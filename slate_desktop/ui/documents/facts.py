"""Rows of facts about a file: a name and a value each, as in a table without lines."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QGridLayout, QLayout, QVBoxLayout, QWidget

from slate_desktop.ui.text import ElidedLabel, clean, plain_label, wrapped_label

_COLUMNS = 2


class FactsRow(QWidget):
    """Facts above a view, two beside each other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("paneBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(14, 8, 14, 8)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(3)
        self.values: dict[str, str] = {}

    def set_facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Show these facts."""
        _empty(self._grid)
        self.values = dict(facts)
        for number, (name, value) in enumerate(self.values.items()):
            row, column = divmod(number, _COLUMNS)
            self._grid.addWidget(plain_label(name, role="faint"), row, column * 2)
            self._grid.addWidget(ElidedLabel(value), row, column * 2 + 1)
            self._grid.setColumnStretch(column * 2 + 1, 1)


class FactsColumn(QWidget):
    """Facts in a narrow column, with warnings below them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Warnings are not rows of the form: it gives lines that break the height of one.
        self._form, self._notes = QFormLayout(), QVBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._form)
        column.addLayout(self._notes)
        self._notes.setSpacing(6)
        self._form.setHorizontalSpacing(12)
        self._form.setVerticalSpacing(3)
        self.values: dict[str, str] = {}
        self.warnings: tuple[str, ...] = ()

    def set_facts(self, facts: Iterable[tuple[str, str]], warnings: Iterable[str] = ()) -> None:
        """Show these facts and warnings."""
        _empty(self._form)
        _empty(self._notes)
        self.values, self.warnings = dict(facts), tuple(warnings)
        for name, value in self.values.items():
            label = wrapped_label(clean(value))
            self._form.addRow(plain_label(name, role="faint"), label)
        for words in self.warnings:
            self._notes.addWidget(wrapped_label(clean(words), role="warn"))


def _empty(layout: QLayout) -> None:
    while layout.count():
        item = layout.takeAt(0)
        widget = item.widget() if item is not None else None
        if widget is not None:
            # Hidden first: a widget that is to be deleted would still be painted once.
            widget.hide()
            widget.deleteLater()
