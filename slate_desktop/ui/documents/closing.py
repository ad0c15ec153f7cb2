"""The one question before unsaved changes are lost: save, discard or cancel."""

from __future__ import annotations

from enum import Enum

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from slate_desktop.ui import dialogs
from slate_desktop.ui.button_box import ButtonBox
from slate_desktop.ui.text import clean, set_primary, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import DIALOG_MARGINS


class Choice(Enum):
    """What the user wants done with unsaved changes."""

    SAVE = "save"
    DISCARD = "discard"
    CANCEL = "cancel"


async def ask_to_save(parent: QWidget, theme: Theme, names: list[str]) -> Choice:
    """Ask about the files called ``names``, all in one question."""
    dialog = SaveQuestion(parent, theme, names)
    await dialogs.wait_for(dialog)
    return dialog.choice


class SaveQuestion(QDialog):
    """Names what is not saved."""

    def __init__(self, parent: QWidget, theme: Theme, names: list[str]) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Unsaved changes"))
        self.setMinimumWidth(420)
        self.choice = Choice.CANCEL
        if len(names) == 1:
            text = self.tr("{name} was changed and is not saved.").format(name=clean(names[0]))
        else:
            text = self.tr("{n} files were changed and are not saved:").format(n=len(names))
            text += "\n\n" + "\n".join(clean(name) for name in names[:12])
        buttons = ButtonBox()
        role = QDialogButtonBox.ButtonRole
        self.save = buttons.addButton(self.tr("Save"), role.AcceptRole)
        set_primary(self.save)
        self.save.setDefault(True)
        self.discard = buttons.addButton(self.tr("Discard changes"), role.DestructiveRole)
        self.cancel = buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.save.clicked.connect(lambda: self._choose(Choice.SAVE))
        self.discard.clicked.connect(lambda: self._choose(Choice.DISCARD))
        self.cancel.clicked.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(16)
        label = wrapped_label(text)
        label.setFont(theme.ui_font())
        layout.addWidget(label)
        layout.addWidget(buttons)

    def _choose(self, choice: Choice) -> None:
        self.choice = choice
        self.accept()
