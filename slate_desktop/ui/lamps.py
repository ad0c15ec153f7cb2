"""The connection lamps of the status bar: a dot and words for each part, never colour alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStyle, QToolButton, QWidget

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
_LEFT, _GAP = 6, 2
# Its width is told in steps of so many pixels, see `LampBar`.
_STEP_PX = 16


class LampBar(QWidget):
    """One button per lamp; a click asks for the details.

    It lays its buttons out itself: a layout would lay out the whole window anew whenever a latency
    has another width, which is every few seconds.
    """

    clicked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.lamps: dict[str, Lamp] = {}
        self.buttons: dict[str, QToolButton] = {}
        self._shown: dict[str, tuple[str, str, str]] = {}
        self._told = QSize()
        for name in NAMES:
            button = QToolButton(self)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.clicked.connect(lambda _checked=False, name=name: self.clicked.emit(name))
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

    # -- QWidget ---------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Return the room that the buttons take, a little more rather than another each time."""
        hints = [button.sizeHint() for button in self.buttons.values()]
        width = _LEFT + sum(hint.width() + _GAP for hint in hints) - _GAP
        height = max(hint.height() for hint in hints)
        return QSize(-(-width // _STEP_PX) * _STEP_PX, height)

    def minimumSizeHint(self) -> QSize:
        """Show every button whole."""
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out."""
        super().resizeEvent(event)
        self._place()

    def event(self, event: QEvent) -> bool:
        """Lay out when a button takes another size, and when it comes into sight."""
        kinds = QEvent.Type
        if event.type() in (kinds.LayoutRequest, kinds.LayoutDirectionChange, kinds.Show):
            self._place()
        return super().event(event)

    # -- private ---------------------------------------------------------------------------

    def _place(self) -> None:
        x = _LEFT
        for button in self.buttons.values():
            size = button.sizeHint()
            place = QRect(x, (self.height() - size.height()) // 2, size.width(), size.height())
            button.setGeometry(QStyle.visualRect(self.layoutDirection(), self.rect(), place))
            x += size.width() + _GAP
        if (hint := self.sizeHint()) != self._told:
            self._told = hint
            self.updateGeometry()

    def _show(self, name: str, state: str, words: str, detail: str) -> None:
        if self._shown.get(name) == (state, words, detail):
            return
        self._shown[name] = (state, words, detail)
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
        self._shown.clear()
        for lamp in self.lamps.values():
            self.show_lamp(lamp)
