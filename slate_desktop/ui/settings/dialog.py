"""The settings dialog: every declared setting with its words, searchable, saved when changed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPaintEvent
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
from slate_desktop.translation import sentence
from slate_desktop.ui.settings.row import SettingRow, translated
from slate_desktop.ui.text import explain, plain_label, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import DIALOG_MARGINS

# Rows that are seen at first, and that are made in one turn of the loop after that.
_FIRST_ROWS = 6
_ROWS_A_TURN = 2


class SettingsDialog(QDialog):
    """Holds the rows; whoever opens it checks, saves and tests.

    Rows below the edge are made once the others are painted, or when somebody asks for them.

    Signals:
        typed, edited, reset_wanted, test_wanted: those of its rows.
        discard_wanted: it was to be closed while fields hold what cannot be saved.
        file_wanted: settings.toml is to be opened.
        restart_wanted: SLATE is to be opened anew.
    """

    typed = Signal(str, str)
    edited = Signal(str, str)
    reset_wanted = Signal(str)
    test_wanted = Signal(str)
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
        explain(self.search, self.tr("Shows the settings that say all of these words."))
        self.search.textChanged.connect(self._on_search_changed)
        self.search.installEventFilter(self)
        self.notes = wrapped_label(role="warn")
        self.notes.hide()
        self._rows: dict[str, SettingRow] = {}
        self._waiting = {state.setting.name: state for state in states}
        self._heads: dict[str, QLabel] = {}
        self._none = plain_label(self.tr("No setting says that. Try fewer words."), role="faint")
        self._none.hide()
        self.message = wrapped_label(role="muted")
        self.restart = self._button(self.tr("Restart SLATE"), self.restart_wanted)
        explain(
            self.restart,
            self.tr("Closes the window and opens it with the new settings. Sessions run on."),
        )
        self.restart.hide()
        self.open_file = self._button(self.tr("Open settings.toml"), self.file_wanted)
        explain(
            self.open_file,
            self.tr("Opens {path} in an editor.").format(path=path),
        )
        self.close_button = QPushButton(self.tr("Close"))
        self.close_button.setAutoDefault(False)
        explain(self.close_button, self.tr("Saves what is being typed, and closes."))
        self.close_button.clicked.connect(self.reject)
        self._turns = QTimer(self)
        self._turns.timeout.connect(lambda: self._make_rows(_ROWS_A_TURN))
        self._lay_out()
        self.search.setFocus()

    @property
    def rows(self) -> dict[str, SettingRow]:
        """Every row by the name of its setting."""
        self._make_rows(len(self._waiting))
        return self._rows

    def show_states(self, states: Sequence[SettingState], notes: Sequence[str]) -> None:
        """Show what the settings are now; what is being typed stays."""
        for state in states:
            name = state.setting.name
            if name in self._waiting:
                self._waiting[name] = state
            else:
                self._rows[name].show_state(state)
        self.notes.setText("\n".join(map(sentence, notes)))
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
        for row in self._rows.values():
            if row.field.hasFocus():
                row.commit()
        if self.problems:
            self.discard_wanted.emit()
        else:
            super().reject()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Make the other rows, once those in sight are on the screen."""
        super().paintEvent(event)
        if self._waiting and not self._turns.isActive():
            self._turns.start(0)

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

    def _lay_out(self) -> None:
        self._page, scroll = QWidget(), QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self._page)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.open_file)
        foot.addWidget(self.message, 1)
        foot.addWidget(self.restart)
        foot.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(10)
        layout.addWidget(self.search)
        layout.addWidget(self.notes)
        layout.addWidget(scroll, 1)
        layout.addLayout(foot)
        self._column = QVBoxLayout(self._page)
        self._column.setContentsMargins(12, 4, 14, 4)
        self._column.setSpacing(2)
        self._column.addWidget(self._none)
        self._column.addStretch(1)
        # Last, into a page that has its place: Qt styles all again that gets another parent.
        self._make_rows(_FIRST_ROWS)

    def _make_rows(self, count: int) -> None:
        for name in list(self._waiting)[:count]:
            self._make_row(self._waiting.pop(name))
        if not self._waiting:
            self._turns.stop()

    def _make_row(self, state: SettingState) -> None:
        page, column, setting = self._page, self._column, state.setting
        if setting.group not in self._heads:
            head = plain_label(translated(setting.group), role="muted", parent=page)
            head.setFont(self._theme.ui_font(scale=1.25, is_bold=True))
            head.setContentsMargins(0, 12 if self._heads else 2, 0, 2)
            self._heads[setting.group] = head
            column.insertWidget(column.indexOf(self._none), head)
        row = SettingRow(self._theme, state, page, can_test=can_test(setting.name))
        row.typed.connect(self.typed)
        row.edited.connect(self.edited)
        row.reset_wanted.connect(self.reset_wanted)
        row.test_wanted.connect(self.test_wanted)
        self._rows[setting.name] = row
        column.insertWidget(column.indexOf(self._none), row)

    def _button(self, text: str, signal: object) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: signal.emit())  # type: ignore[attr-defined]
        return button
