"""Shows what a support bundle would hold, file by file, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.diagnosis.support import SupportFile
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.ui.text import set_primary, set_role, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import BUTTON_GAP, DIALOG_MARGINS


class SupportDialog(QDialog):
    """Look through it, then save it; it is never sent.

    Signals:
        save_wanted: the bundle is to be written.
    """

    save_wanted = Signal()

    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent)
        self.files: list[SupportFile] = []
        self.setWindowTitle(self.tr("Support bundle"))
        self.resize(860, 560)
        intro = wrapped_label(
            self.tr(
                "This helps whoever mends a fault: checks of this computer, settings and the ends"
                " of SLATE's own logs. Passwords, keys and the names of you and your computer are"
                " taken out; projects and logs of sessions are not in it. Nothing is sent: save"
                " it, and pass it on yourself."
            )
        )
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Files of the bundle"))
        self.list.currentRowChanged.connect(self._show)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setFont(theme.mono_font())
        self.text.setAccessibleName(self.tr("Text of the chosen file"))
        self.message = wrapped_label(role="muted")
        self.save = QPushButton(self.tr("Save…"))
        self.save.setDefault(True)
        set_primary(self.save)
        self.save.setEnabled(False)
        self.save.clicked.connect(self.save_wanted)
        close = QPushButton(self.tr("Close"))
        close.setAutoDefault(False)
        close.clicked.connect(self.reject)
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(self.list)
        parts.addWidget(self.text)
        parts.setStretchFactor(1, 1)
        parts.setSizes([230, 600])
        foot = QHBoxLayout()
        foot.setSpacing(BUTTON_GAP)
        foot.addWidget(self.message, 1)
        foot.addWidget(close)
        foot.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(12)
        layout.addWidget(intro)
        layout.addWidget(parts, 1)
        layout.addLayout(foot)
        self.show_message(self.tr("Looking at this computer…"))

    def show_files(self, files: Sequence[SupportFile]) -> None:
        """Show what the bundle would hold."""
        self.files = list(files)
        self.list.clear()
        for file in files:
            size = format_bytes(len(file.text.encode()))
            self.list.addItem(f"{file.name}   {size}")
        self.list.setCurrentRow(0)
        self.save.setEnabled(bool(files))
        self.show_message("")

    def show_message(self, text: str, *, is_problem: bool = False) -> None:
        """Say what is being done, or what was not."""
        set_role(self.message, "error" if is_problem else "muted")
        self.message.setText(text)

    def _show(self, row: int) -> None:
        self.text.setPlainText(self.files[row].text if 0 <= row < len(self.files) else "")
