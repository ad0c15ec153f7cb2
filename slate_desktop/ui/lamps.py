"""The connection lamps of the status bar: a dot and words for each part, never colour alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from slate_desktop.translation import sentence
from slate_desktop.ui import icons, status
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.values import Lamp

# By the values of LampState, which is imported after the first paint.
_ICONS = {
    "ok": "dot-filled",
    "busy": "circle-dashed",
    "warning": "triangle-alert",
    "off": "circle-x",
    "unknown": "dot-hollow",
}
NAMES = ("broker", "database", "agent", "engine")


class LampBar(QWidget):
    """One button per lamp; a click asks for the details."""

    clicked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.lamps: dict[str, Lamp] = {}
        self.buttons: dict[str, QToolButton] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 0, 0, 0)
        layout.setSpacing(2)
        for name in NAMES:
            button = QToolButton(self)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.clicked.connect(lambda _checked=False, name=name: self.clicked.emit(name))
            layout.addWidget(button)
            self.buttons[name] = button
            self._show(name, "unknown", self.tr("not connected"), "")
        theme.changed.connect(self._on_theme_changed)

    def show_lamp(self, lamp: Lamp) -> None:
        """Show the state of one part."""
        if lamp.name not in self.buttons:
            return
        self.lamps[lamp.name] = lamp
        latency = f" · {lamp.latency_ms:.0f} ms" if lamp.latency_ms is not None else ""
        self._show(
            lamp.name, lamp.state.value, f"{sentence(lamp.words)}{latency}", sentence(lamp.detail)
        )

    def _show(self, name: str, state: str, words: str, detail: str) -> None:
        button = self.buttons[name]
        button.setIcon(icons.icon(_ICONS[state], self._theme.tokens, status.lamp_role(state)))
        button.setText(f" {self._title(name)} {words}")
        button.setToolTip(f"\u200b{detail or button.text().strip()}")
        button.setAccessibleName(f"{self._title(name)}: {words}. {detail}")

    def _title(self, name: str) -> str:
        return {
            "broker": self.tr("Broker"),
            "database": self.tr("Database"),
            "agent": self.tr("Agent"),
            "engine": self.tr("Engine"),
        }[name]

    def _on_theme_changed(self) -> None:
        for lamp in self.lamps.values():
            self.show_lamp(lamp)
