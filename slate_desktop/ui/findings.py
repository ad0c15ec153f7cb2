"""Findings of a test as rows: a mark, what was looked at, what is there, and how to mend it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from slate_desktop.diagnosis.check import Check, State
from slate_desktop.translation import sentence
from slate_desktop.ui import icons
from slate_desktop.ui.text import clean, plain_label, wrapped_label
from slate_desktop.ui.theme import Theme

_PICTURES = {
    State.OK: ("circle-check", "state.ok"),
    State.NOTE: ("info", "state.idle"),
    State.WARNING: ("triangle-alert", "state.warn"),
    State.FAILED: ("circle-x", "state.error"),
}
_ICON_PX = 16


class Findings(QWidget):
    """Rows that are added as they are found."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.checks: list[Check] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(2, 0, 2, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(2, 1)

    def clear(self) -> None:
        """Take all rows away."""
        self.checks.clear()
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def add(self, check: Check) -> None:
        """Add a row."""
        row = len(self.checks)
        self.checks.append(check)
        mark = plain_label()
        icon, role = _PICTURES[check.state]
        mark.setPixmap(icons.pixmap(icon, self._theme.tokens, role, _ICON_PX))
        mark.setAccessibleName(check.state.value)
        text = "\n".join(sentence(part) for part in (check.detail, check.fix) if part)
        name = plain_label(clean(check.name), role="muted")
        for column, widget in enumerate((mark, name, wrapped_label(_kept(text)))):
            self._grid.addWidget(widget, row, column, Qt.AlignmentFlag.AlignTop)


def _kept(text: str) -> str:
    return "\n".join(clean(line) for line in text.splitlines())
