"""The settings dialog: every declared setting with its words, searchable, saved when changed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.diagnosis.addresses import can_test
from slate_desktop.settings.catalog import SettingState
from slate_desktop.ui.settings.row import SettingRow, translated
from slate_desktop.ui.text import plain_label, wrapped_label
from slate_desktop.ui.theme import Theme


class SettingsDialog(QDialog):
    """Holds the rows; whoever opens it checks, saves and tests.

    Signals:
        discard_wanted: it was to be closed while fields hold what cannot be saved.
        file_wanted: settings.toml is to be opened.
        restart_wanted: SLATE is to be opened anew.
    """

    discard_wanted = Signal()
    file_wanted = Signal()
    restart_wanted = Signal()

    def __init__(
        self, parent: QWidget, theme: Theme, states: Sequence[SettingState], path: str
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self.problems: dict[str, str] = {}
        self.setWindowTitle(self.tr("Settings"))
        self.setMinimumSize(640, 420)
        self.resize(720, 640)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search settings"))
        self.search.setAccessibleName(self.tr("Search settings"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_search_changed)
        self.search.installEventFilter(self)
        self.notes = wrapped_label(role="warn")
        self.notes.hide()
        self.rows: dict[str, SettingRow] = {}
        self._heads: dict[str, QLabel] = {}
        self._none = plain_label(self.tr("No setting says that. Try fewer words."), role="faint")
        self._none.hide()
        self.message = wrapped_label(role="muted")
        self.restart = self._button(self.tr("Restart SLATE"), self.restart_wanted)
        self.restart.hide()
        self.open_file = self._button(self.tr("Open settings.toml"), self.file_wanted)
        self.open_file.setToolTip(f"\u200b{path}")
        self.close_button = QPushButton(self.tr("Close"))
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(self.reject)
        self._lay_out(states)
        self.search.setFocus()

    def show_states(self, states: Sequence[SettingState], notes: Sequence[str]) -> None:
        """Show what the settings are now; what is being typed stays."""
        for state in states:
            self.rows[state.setting.name].show_state(state)
        self.notes.setText("\n".join(notes))
        self.notes.setVisible(bool(notes))

    def show_problem(self, name: str, text: str) -> None:
        """Say why a field cannot be saved; an empty text says that it can."""
        if text:
            self.problems[name] = text
        else:
            self.problems.pop(name, None)
        self.rows[name].show_message(text)

    def show_saved(self, text: str, *, needs_restart: bool) -> None:
        """Say in the foot what was done."""
        self.message.setText(text)
        if needs_restart:
            self.restart.show()

    def discard(self) -> None:
        """Close, and forget what cannot be saved."""
        self.problems.clear()
        super().reject()

    def reject(self) -> None:
        """Save what is being typed, then close; ask first where something cannot be saved."""
        for row in self.rows.values():
            if row.field.hasFocus():
                row.commit()
        if self.problems:
            self.discard_wanted.emit()
        else:
            super().reject()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go from the search to the first row that it left with the arrow key."""
        is_press = watched is self.search and event.type() == QEvent.Type.KeyPress
        if is_press and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Down:
            for row in self.rows.values():
                if row.isVisibleTo(self) and row.field.isEnabled():
                    row.field.setFocus()
                    return True
        return super().eventFilter(watched, event)

    def _on_search_changed(self, text: str) -> None:
        shown: set[str] = set()
        for row in self.rows.values():
            is_shown = row.matches(text)
            row.setVisible(is_shown)
            if is_shown:
                shown.add(row.state.setting.group)
        for group, head in self._heads.items():
            head.setVisible(group in shown)
        self._none.setVisible(not shown)

    def _lay_out(self, states: Sequence[SettingState]) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(12, 4, 14, 4)
        column.setSpacing(2)
        for state in states:
            group = state.setting.group
            if group not in self._heads:
                head = plain_label(translated(group), role="muted")
                head.setFont(self._theme.ui_font(scale=1.25, is_bold=True))
                head.setContentsMargins(0, 12 if self._heads else 2, 0, 2)
                self._heads[group] = head
                column.addWidget(head)
            row = SettingRow(self._theme, state, can_test=can_test(state.setting.name))
            self.rows[state.setting.name] = row
            column.addWidget(row)
        column.addWidget(self._none)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(page)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.open_file)
        foot.addWidget(self.message, 1)
        foot.addWidget(self.restart)
        foot.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(10)
        layout.addWidget(self.search)
        layout.addWidget(self.notes)
        layout.addWidget(scroll, 1)
        layout.addLayout(foot)

    def _button(self, text: str, signal: object) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: signal.emit())  # type: ignore[attr-defined]
        return button
