"""The Add project dialog: a folder, what SLATE found in it, a name, and a command for customs."""

from __future__ import annotations

import shlex
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.engine import Engine, EngineDetection
from slate_desktop.translation import sentence
from slate_desktop.ui.text import set_invalid, set_primary, set_role, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import BUTTON_GAP, DIALOG_MARGINS


class AddProjectDialog(QDialog):
    """Filled step by step: the folder is looked at as soon as it is named."""

    browse_wanted = Signal()
    look_wanted = Signal(str)

    def __init__(self, parent: QWidget, theme: Theme, folder: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Add project"))
        self.setMinimumWidth(560)
        self._is_name_edited = False
        self.folder = QLineEdit(folder)
        self.folder.setPlaceholderText(self.tr("Folder of the game"))
        self.folder.setAccessibleName(self.tr("Folder"))
        self.browse = QPushButton(self.tr("Browse…"))
        self.browse.setAutoDefault(False)
        self.browse.clicked.connect(self.browse_wanted)
        self.finding = wrapped_label(role="faint")
        self.name = QLineEdit()
        self.name.setAccessibleName(self.tr("Name"))
        self.engine = QComboBox()
        self.engine.setAccessibleName(self.tr("Engine"))
        for engine in Engine:
            self.engine.addItem(engine.value.title(), engine)
        self.command = QLineEdit()
        self.command.setFont(theme.mono_font())
        self.command.setPlaceholderText("python3 server.py")
        self.command.setAccessibleName(self.tr("Command"))
        self.error = wrapped_label(role="error")
        self.error.hide()
        self.add_button = QPushButton(self.tr("Add project"))
        set_primary(self.add_button)
        self.add_button.setDefault(True)
        self.add_button.clicked.connect(self.accept)
        cancel = QPushButton(self.tr("Cancel"))
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        self._lay_out(cancel)
        self.folder.textChanged.connect(self._on_folder_changed)
        self.name.textEdited.connect(self._on_name_edited)
        self.engine.currentIndexChanged.connect(lambda _index: self._show_state())
        self._on_folder_changed(folder)

    @property
    def values(self) -> tuple[Path, str, Engine, list[str] | None]:
        """Folder, name, engine and command as they stand in the fields."""
        command = self.command.text().strip()
        engine = Engine(self.engine.currentData())
        argv = shlex.split(command) if command and engine is Engine.CUSTOM else None
        return self.root, self.name.text().strip(), engine, argv

    @property
    def root(self) -> Path:
        """The folder."""
        return Path(self.folder.text().strip()).expanduser()

    def show_finding(self, folder: str, detection: EngineDetection | None) -> None:
        """Show what was found in a folder; None when it is no folder."""
        if folder != self.folder.text():
            return
        if detection is None:
            is_empty = not folder.strip()
            self.finding.setText("" if is_empty else self.tr("This folder does not exist."))
            set_role(self.finding, "faint" if is_empty else "error")
            return
        self.engine.setCurrentIndex(self.engine.findData(detection.engine))
        # With no engine found there is nothing wrong, and nothing to be glad of.
        is_known = detection.engine is not Engine.CUSTOM
        set_role(self.finding, "warn" if detection.problem else "ok" if is_known else "muted")
        self.finding.setText(sentence(detection.problem or "") or self._words(detection))

    def show_error(self, text: str) -> None:
        """Say why the project was not added."""
        self.error.setText(text)
        self.error.setVisible(bool(text))

    def _words(self, detection: EngineDetection) -> str:
        if detection.engine is Engine.CUSTOM:
            return self.tr("No known engine found: name the command that runs it.")
        parts = (detection.engine.value.title(), detection.version, detection.flavour)
        return self.tr("Found {engine}").format(engine=" · ".join(part for part in parts if part))

    def _lay_out(self, cancel: QPushButton) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.folder, 1)
        row.addWidget(self.browse)
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.addRow(self.tr("Folder"), row)
        form.addRow("", self.finding)
        form.addRow(self.tr("Name"), self.name)
        form.addRow(self.tr("Engine"), self.engine)
        form.addRow(self.tr("Command"), self.command)
        self._form = form
        foot = QHBoxLayout()
        foot.setSpacing(BUTTON_GAP)
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(self.add_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(12)
        layout.addLayout(form)
        layout.addWidget(self.error)
        layout.addLayout(foot)

    def _on_folder_changed(self, text: str) -> None:
        if not self._is_name_edited:
            self.name.setText(Path(text.strip()).name)
        self.show_error("")
        self._show_state()
        self.look_wanted.emit(text)

    def _on_name_edited(self, _text: str) -> None:
        self._is_name_edited = True
        self._show_state()

    def _show_state(self) -> None:
        is_custom = self.engine.currentData() == Engine.CUSTOM
        self._form.setRowVisible(self.command, is_custom)
        self.add_button.setEnabled(bool(self.folder.text().strip() and self.name.text().strip()))

    def accept(self) -> None:
        """Close only with a command that can be read."""
        try:
            shlex.split(self.command.text())
        except ValueError:
            set_invalid(self.command, self.tr("A quotation mark is not closed."))
            self.show_error(self.tr("A quotation mark in the command is not closed."))
            return
        super().accept()
