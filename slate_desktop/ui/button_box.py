"""The row of buttons at the end of a dialog."""

from __future__ import annotations

from PySide6.QtWidgets import QDialogButtonBox, QWidget

from slate_desktop.ui.tokens import BUTTON_GAP


class ButtonBox(QDialogButtonBox):
    """Buttons that are as far apart as those of every other dialog."""

    def __init__(
        self,
        buttons: QDialogButtonBox.StandardButton = QDialogButtonBox.StandardButton.NoButton,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setStandardButtons(buttons)
        row = self.layout()
        if row is not None:
            row.setSpacing(BUTTON_GAP)
