"""The connection lamps of the status bar: a dot and words for each part, never colour alone."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from slate_desktop.control.values import Lamp, LampState
from slate_desktop.ui import icons, status
from slate_desktop.ui.theme import Theme

_ICONS = {
    LampState.OK: "dot-filled",
    LampState.BUSY: "circle-dashed",
    LampState.WARNING: "triangle-alert",
    LampState.OFF: "circle-x",
    LampState.UNKNOWN: "dot-hollow",
}
NAMES = ("broker", "database", "agent", "engine")


class LampBar(QWidget):
    """One button per lamp; a click asks for the details."""

    clicked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.lamps = {name: Lamp(name=name, words=self.tr("not connected")) for name in NAMES}
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
            self.show_lamp(self.lamps[name])
        theme.changed.connect(self._on_theme_changed)

    def show_lamp(self, lamp: Lamp) -> None:
        """Show the state of one part."""
        button = self.buttons.get(lamp.name)
        if button is None:
            return
        self.lamps[lamp.name] = lamp
        icon = icons.icon(_ICONS[lamp.state], self._theme.tokens, status.lamp_role(lamp.state))
        latency = f" · {lamp.latency_ms:.0f} ms" if lamp.latency_ms is not None else ""
        button.setIcon(icon)
        button.setText(f" {self._title(lamp.name)} {lamp.words}{latency}")
        button.setToolTip(f"\u200b{lamp.detail or button.text().strip()}")
        button.setAccessibleName(f"{self._title(lamp.name)}: {lamp.words}. {lamp.detail}")

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
