"""One graph: a title, figures in words, and below them the curves, where a hand moves and chooses.

Importing this module imports numpy, so it is imported after the first paint.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from slate_desktop.ui.monitor.plot import Plot
from slate_desktop.ui.text import ElidedLabel, plain_label
from slate_desktop.ui.theme import Theme

_DRAG_PX = 5


class Graph(QWidget):
    """One figure of some sessions over time.

    ``pointed`` tells where the pointer is, in seconds before the right edge, None when it has left;
    ``chosen`` where it was pressed; ``dragged`` by how many seconds; ``wheeled`` the steps away
    from the person and where.
    """

    pointed = Signal(object)
    chosen = Signal(float)
    dragged = Signal(float)
    wheeled = Signal(float, float)

    def __init__(self, theme: Theme, title: str, format_value: Callable[[float], str]) -> None:
        super().__init__()
        self._theme = theme
        self._press: tuple[float, QPointF] | None = None
        self._is_dragging = False
        self.title = plain_label(title)
        self.figure = ElidedLabel()
        self.figure.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setAccessibleName(title)
        self.plot = Plot(theme, format_value)
        self.plot.installEventFilter(self)
        self._lay_out()
        self.apply_theme()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice presses, drags, the wheel, and that the pointer has left."""
        kind = event.type()
        if kind == QEvent.Type.Leave:
            self.pointed.emit(None)
        elif isinstance(event, QWheelEvent):
            steps = event.angleDelta().y() / 120
            place = self._time_at(event.position())
            # With nothing to zoom at, the surrounding scroll area takes the wheel.
            has_control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if steps and place is not None and has_control:
                self.wheeled.emit(steps, place)
                return True
            event.ignore()
            return True
        elif isinstance(event, QMouseEvent) and self._on_mouse(kind, event):
            return True
        return super().eventFilter(watched, event)

    def apply_theme(self) -> None:
        """Take the colours and the font of the theme."""
        self.title.setFont(self._theme.ui_font(is_bold=True))
        self.plot.setFont(self._theme.ui_font(scale=0.85))
        self.plot.redraw()

    def _time_at(self, place: QPointF) -> float | None:
        return self.plot.time_at(place.x(), place.y())

    def _on_mouse(self, kind: QEvent.Type, event: QMouseEvent) -> bool:
        """Follow the pointer; tells whether the event is done with."""
        place, left = event.position(), Qt.MouseButton.LeftButton
        if kind == QEvent.Type.MouseButtonPress and event.button() == left:
            time_s = self._time_at(place)
            self._press = None if time_s is None else (time_s, place)
            self._is_dragging = False
        elif kind == QEvent.Type.MouseMove:
            self._on_mouse_moved(place)
        elif kind == QEvent.Type.MouseButtonRelease and event.button() == left:
            press, self._press = self._press, None
            was_dragging, self._is_dragging = self._is_dragging, False
            if press is not None and not was_dragging:
                self.chosen.emit(press[0])
        else:
            return False
        return True

    def _on_mouse_moved(self, place: QPointF) -> None:
        if self._press is not None:
            way = place.x() - self._press[1].x()
            if self._is_dragging or abs(way) > _DRAG_PX:
                self._is_dragging = True
                self.dragged.emit(way * self.plot.seconds_per_pixel)
                self._press = (self._press[0], place)
        if not self._is_dragging:
            self.pointed.emit(self._time_at(place))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(10, 4, 12, 0)
        head.setSpacing(10)
        head.addWidget(self.title)
        head.addWidget(self.figure, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.plot, 1)
