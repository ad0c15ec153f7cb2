"""The dialog of servers: this computer's own services, and the servers that were joined."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.diagnosis.check import Check
from slate_desktop.ui import icons
from slate_desktop.ui.findings import Findings
from slate_desktop.ui.text import set_primary, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import BUTTON_GAP, DIALOG_MARGINS, ICON_SIZE

_NAME = Qt.ItemDataRole.UserRole


class ServerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One profile that can be used; ``address`` is empty for this computer."""

    name: str
    address: str
    is_used: bool
    can_leave: bool


class ServersDialog(QDialog):
    """Choose one; what is chosen is done by whoever listens."""

    use_wanted = Signal(str)
    leave_wanted = Signal(str)
    test_wanted = Signal(str)
    join_wanted = Signal()

    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: dict[str, ServerRow] = {}
        self.setWindowTitle(self.tr("Servers"))
        self.setMinimumSize(560, 340)
        intro = wrapped_label(
            self.tr(
                "Projects, sessions and builds live on a server: on this computer, or on one that"
                " you share with others. Join one with the file that its administrator gave you."
            ),
            role="muted",
        )
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Servers"))
        # Qt takes another size here, at which the icons are blurred.
        self.list.setIconSize(QSize(ICON_SIZE, ICON_SIZE))
        self.list.currentItemChanged.connect(lambda *_: self._on_current())
        self.list.itemActivated.connect(lambda _: self._use())
        self.message = wrapped_label(role="error")
        self.message.hide()
        self.findings = Findings(theme)
        self.findings.hide()
        self.join_button = self._button(self.tr("Join a server…"), self.join_wanted.emit)
        self.leave_button = self._button(self.tr("Forget…"), self._leave)
        self.test_button = self._button(self.tr("Test"), self._test)
        self.test_button.setToolTip(self.tr("Look at each step of the connection"))
        self.use_button = self._button(self.tr("Use"), self._use)
        set_primary(self.use_button)
        self.use_button.setDefault(True)
        close = self._button(self.tr("Close"), self.reject)
        foot = QHBoxLayout()
        foot.setSpacing(BUTTON_GAP)
        foot.addWidget(self.join_button)
        foot.addWidget(self.leave_button)
        foot.addWidget(self.test_button)
        foot.addStretch(1)
        foot.addWidget(close)
        foot.addWidget(self.use_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(12)
        layout.addWidget(intro)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.findings)
        layout.addWidget(self.message)
        layout.addLayout(foot)
        self._show_state()

    def show_rows(self, rows: Sequence[ServerRow]) -> None:
        """Show these profiles; the one that is used is current."""
        self._rows = {row.name: row for row in rows}
        self.list.clear()
        for row in rows:
            item = QListWidgetItem(self._words(row))
            role = "state.ok" if row.is_used else "text.muted"
            name = "monitor" if not row.address else "server"
            item.setIcon(icons.icon(name, self._theme.tokens, role))
            item.setData(_NAME, row.name)
            item.setToolTip(row.address)
            self.list.addItem(item)
            if row.is_used:
                self.list.setCurrentItem(item)
        self._show_state()

    def show_message(self, text: str) -> None:
        """Say why something was not done, or what is being waited for."""
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def set_busy(self, is_busy: bool) -> None:
        """Take nothing while a server is asked."""
        for widget in (self.list, self.join_button):
            widget.setEnabled(not is_busy)
        self._show_state()

    @property
    def chosen(self) -> ServerRow | None:
        """The current row."""
        item = self.list.currentItem()
        return None if item is None else self._rows.get(str(item.data(_NAME)))

    def _words(self, row: ServerRow) -> str:
        title = self.tr("This computer") if row.name == "local" else row.name
        parts = [title, row.address, self.tr("in use") if row.is_used else ""]
        return "   ·   ".join(part for part in parts if part)

    def _show_state(self) -> None:
        row = self.chosen
        is_free = self.list.isEnabled()
        self.use_button.setEnabled(is_free and row is not None and not row.is_used)
        self.leave_button.setEnabled(is_free and row is not None and row.can_leave)
        self.test_button.setEnabled(is_free and row is not None)

    def show_findings(self, checks: Sequence[Check]) -> None:
        """Show what a test has found; nothing takes the last test's away."""
        if not checks or checks[: len(self.findings.checks)] != self.findings.checks:
            self.findings.clear()
        for check in checks[len(self.findings.checks) :]:
            self.findings.add(check)
        self.findings.setVisible(bool(checks))

    def _on_current(self) -> None:
        self.show_findings(())
        self._show_state()

    def _test(self) -> None:
        row = self.chosen
        if row is not None:
            self.test_wanted.emit(row.name)

    def _use(self) -> None:
        row = self.chosen
        if row is not None and not row.is_used:
            self.use_wanted.emit(row.name)

    def _leave(self) -> None:
        row = self.chosen
        if row is not None and row.can_leave:
            self.leave_wanted.emit(row.name)

    def _button(self, text: str, then: object) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: then() if callable(then) else None)
        return button
