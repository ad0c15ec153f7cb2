"""What moves by itself in the window, and how it is kept still for those whom it disturbs."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMainWindow

# Menus, tooltips and boxes that slide or fade in, where the system has them do so.
_EFFECTS = (
    Qt.UIEffect.UI_AnimateMenu,
    Qt.UIEffect.UI_FadeMenu,
    Qt.UIEffect.UI_AnimateCombo,
    Qt.UIEffect.UI_AnimateTooltip,
    Qt.UIEffect.UI_FadeTooltip,
    Qt.UIEffect.UI_AnimateToolBox,
)


class Motion:
    """Switches motion off and on again as the system had it."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self._flash_ms = QApplication.cursorFlashTime()
        self._effects = {effect: QApplication.isEffectEnabled(effect) for effect in _EFFECTS}
        self.is_reduced = False

    def set_reduced(self, is_reduced: bool) -> None:
        """Let nothing slide, fade or blink, or let it again."""
        self.is_reduced = is_reduced
        self._window.setAnimated(not is_reduced)
        QApplication.setCursorFlashTime(0 if is_reduced else self._flash_ms)
        for effect, was_on in self._effects.items():
            QApplication.setEffectEnabled(effect, was_on and not is_reduced)
