"""An editor for a few rows of texts, such as ports, variables and mounts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.ui import icons
from slate_desktop.ui.text import explain, plain_label
from slate_desktop.ui.theme import Theme


class RowEditor(QWidget):
    """Rows of two fields, with a switch at the end where ``flag`` names one.

    Args:
        names: what the two fields are called, for placeholders and screen readers.
        joiner: what stands between them.
        add_text: the button that adds a row.
        flag: the text of the switch, or an empty string for none.
    """

    changed = Signal()

    def __init__(
        self, theme: Theme, names: tuple[str, str], joiner: str, add_text: str, flag: str = ""
    ) -> None:
        super().__init__()
        self._theme, self._names, self._joiner, self._flag = theme, names, joiner, flag
        self._rows: list[tuple[QWidget, QLineEdit, QLineEdit, QCheckBox | None]] = []
        self._is_read_only = False
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._none = plain_label(self.tr("none"), role="faint")
        self.add_button = QPushButton(add_text)
        self.add_button.setProperty("flat", True)
        self.add_button.clicked.connect(self._on_add)
        foot = QHBoxLayout()
        foot.setContentsMargins(0, 0, 0, 0)
        foot.addWidget(self._none)
        foot.addWidget(self.add_button)
        foot.addStretch(1)
        self._layout.addLayout(foot)

    @property
    def values(self) -> list[tuple[str, str, bool]]:
        """What stands in the rows; rows where nothing was written are left out."""
        found = [
            (first.text().strip(), second.text(), flag.isChecked() if flag is not None else False)
            for _row, first, second, flag in self._rows
        ]
        return [value for value in found if value[0] or value[1].strip()]

    def set_values(self, values: Sequence[tuple[str, str, bool]]) -> None:
        """Replace the rows."""
        if list(values) == self.values and len(self._rows) == len(values):
            return
        while self._rows:
            self._remove(self._rows[0][0])
        for first, second, flag in values:
            self._add_row(first, second, flag)
        self._show_state()

    def set_read_only(self, is_on: bool) -> None:
        """Let the rows be looked at only."""
        self._is_read_only = is_on
        for row, first, second, flag in self._rows:
            first.setReadOnly(is_on)
            second.setReadOnly(is_on)
            if flag is not None:
                flag.setEnabled(not is_on)
            button = row.findChild(QToolButton)
            if button is not None:
                button.setVisible(not is_on)
        self._show_state()

    def _on_add(self) -> None:
        self._add_row("", "", False)
        self._show_state()
        self._rows[-1][1].setFocus()

    def _add_row(self, first_text: str, second_text: str, flag_on: bool) -> None:
        row = QWidget(self)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        fields: list[QLineEdit] = []
        for name, text in zip(self._names, (first_text, second_text), strict=True):
            field = QLineEdit(text, row)
            field.setPlaceholderText(name)
            field.setAccessibleName(name)
            explain(field, name)
            field.setReadOnly(self._is_read_only)
            field.textChanged.connect(self.changed)
            fields.append(field)
        layout.addWidget(fields[0], 2)
        layout.addWidget(plain_label(self._joiner, role="faint"))
        layout.addWidget(fields[1], 3)
        flag = None
        if self._flag:
            flag = QCheckBox(self._flag, row)
            flag.setChecked(flag_on)
            flag.setEnabled(not self._is_read_only)
            flag.toggled.connect(self.changed)
            layout.addWidget(flag)
        button = QToolButton(row)
        button.setIcon(icons.icon("x", self._theme.tokens))
        button.setToolTip(self.tr("Remove this row"))
        button.setAccessibleName(self.tr("Remove this row"))
        button.clicked.connect(lambda: self._on_remove(row))
        button.setVisible(not self._is_read_only)
        layout.addWidget(button)
        self._layout.insertWidget(len(self._rows), row)
        self._rows.append((row, fields[0], fields[1], flag))

    def _on_remove(self, row: QWidget) -> None:
        self._remove(row)
        self._show_state()
        self.changed.emit()

    def _remove(self, row: QWidget) -> None:
        self._rows = [entry for entry in self._rows if entry[0] is not row]
        self._layout.removeWidget(row)
        row.hide()
        row.deleteLater()

    def _show_state(self) -> None:
        self._none.setVisible(self._is_read_only and not self._rows)
        self.add_button.setVisible(not self._is_read_only)
