"""One graph: a title, figures in words, curves of one or several sessions, lines and marks.

Owns drawing only. Importing this module imports pyqtgraph and numpy, so it is imported after the
first paint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from slate_desktop.ui.monitor.axes import TimeAxis, ValueAxis
from slate_desktop.ui.text import ElidedLabel, plain_label
from slate_desktop.ui.theme import Theme

_DRAG_PX = 5
_MIN_HEIGHT = 84


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
        self.format_value = format_value
        self._axis = ValueAxis(format_value)
        self._time = TimeAxis("bottom")
        self.plot = pg.PlotWidget(axisItems={"left": self._axis, "bottom": self._time})
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setMinimumHeight(_MIN_HEIGHT)
        # pyqtgraph builds most of its methods at run time.
        self._item: Any = self.plot.getPlotItem()
        self._item.setMenuEnabled(False)
        self._item.setMouseEnabled(x=False, y=False)
        self._item.hideButtons()
        self._item.disableAutoRange()
        self._item.getViewBox().setDefaultPadding(0)
        self.curves: list[Any] = []
        self._looks: list[tuple[str, bool, bool]] = []
        self.limit_line = self._line(0)
        self.mean_line = self._line(0)
        self.pointer = self._line(90)
        self.mark_lines = pg.PlotCurveItem(connect="pairs")
        self._item.addItem(self.mark_lines, ignoreBounds=True)
        self.span_shade: Any = pg.LinearRegionItem(movable=False)
        self.span_shade.setVisible(False)
        self._item.addItem(self.span_shade, ignoreBounds=True)
        scene: Any = self.plot.scene()
        scene.sigMouseMoved.connect(self._on_mouse_moved)
        self.plot.viewport().installEventFilter(self)
        self._lay_out()
        self.apply_theme()

    @property
    def top(self) -> float:
        """The value at the upper edge."""
        return self._axis.top_value

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice presses, drags, the wheel, and that the pointer has left."""
        kind = event.type()
        if kind == QEvent.Type.Leave:
            self.pointed.emit(None)
        elif isinstance(event, QWheelEvent):
            steps = event.angleDelta().y() / 120
            place = self._time_at(self.plot.mapToScene(event.position().toPoint()))
            # With nothing to zoom at, the surrounding scroll area takes the wheel.
            has_control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if steps and place is not None and has_control:
                self.wheeled.emit(steps, place)
                return True
            event.ignore()
            return True
        elif isinstance(event, QMouseEvent):
            self._on_mouse(kind, event)
        return super().eventFilter(watched, event)

    def show_pointer(self, time_s: float | None) -> None:
        """Draw a line at a moment, or none."""
        self.pointer.setVisible(time_s is not None)
        if time_s is not None:
            self.pointer.setValue(time_s)

    def show_shade(self, span: tuple[float, float] | None) -> None:
        """Shade a span in seconds before the right edge, or none."""
        self.span_shade.setVisible(span is not None)
        if span is not None:
            self.span_shade.setRegion(span)

    def show_marks(self, times: Sequence[float]) -> None:
        """Draw a thin line at each moment."""
        places = np.repeat(np.asarray(times, dtype=float), 2)
        heights = np.tile([0.0, self.top * 1.1], len(times))
        self.mark_lines.setData(places, heights)
        self.mark_lines.setVisible(bool(len(times)))

    def apply_theme(self) -> None:
        """Take the colours and the font of the theme."""
        tokens = self._theme.tokens
        self.pointer.setPen(pg.mkPen(tokens.color("text.faint"), width=1))
        self.mark_lines.setPen(pg.mkPen(tokens.color("text.faint", 90), width=1))
        self.span_shade.setBrush(tokens.color("accent.focus", 46))
        for line in self.span_shade.lines:
            line.setPen(pg.mkPen(tokens.color("accent.focus", 120), width=1))
        self.title.setFont(self._theme.ui_font(is_bold=True))
        self.plot.setBackground(tokens.color("surface.panel"))
        small = self._theme.ui_font(scale=0.85)
        for axis in (self._axis, self._time):
            axis.setPen(tokens.color("graph.grid"))
            axis.setTextPen(tokens.color("text.faint"))
            axis.setTickFont(small)
            axis.setStyle(tickLength=0, tickTextOffset=5)
        self.plot.showGrid(x=False, y=True, alpha=0.28 if tokens.is_dark else 0.4)
        for curve, look in zip(self.curves, self._looks, strict=True):
            self._dress(curve, look)
        dashes = Qt.PenStyle.DashLine
        self.limit_line.setPen(pg.mkPen(tokens.color("graph.limit"), width=1, style=dashes))
        dots = Qt.PenStyle.DotLine
        self.mean_line.setPen(pg.mkPen(tokens.color("text.muted"), width=1, style=dots))

    def set_curves(self, looks: list[tuple[str, bool, bool]]) -> None:
        """Have one curve for each look: its colour's role, whether filled, whether faint."""
        if looks == self._looks:
            return
        self._looks = list(looks)
        while len(self.curves) > len(looks):
            self._item.removeItem(self.curves.pop())
        while len(self.curves) < len(looks):
            self.curves.append(self._item.plot(connect="finite", antialias=True))
        for curve, look in zip(self.curves, looks, strict=True):
            self._dress(curve, look)

    def set_span(self, span_s: float, end_ns: int | None) -> None:
        """Show a span of seconds that ends at a moment, or now for None."""
        if self._time.end_ns != end_ns:
            self._time.end_ns = end_ns
            self._time.picture = None
            self._time.update()
        self.plot.getViewBox().setXRange(-span_s, span_s * 0.05, padding=0)

    def set_top(self, top: float) -> None:
        """Fix the value at the upper edge."""
        if top != self._axis.top_value:
            self._axis.top_value = top
            # Room above and below, or the labels of the outer lines are left out.
            self.plot.getViewBox().setYRange(-top * 0.08, top * 1.1, padding=0)
            self._axis.picture = None

    def set_curve(self, index: int, times: np.ndarray, values: np.ndarray) -> None:
        """Draw one curve over seconds before the right edge."""
        self.curves[index].setData(times, values)

    def _dress(self, curve: Any, look: tuple[str, bool, bool]) -> None:
        role, is_filled, is_faint = look
        tokens = self._theme.tokens
        curve.setPen(pg.mkPen(tokens.color(role, 110) if is_faint else tokens.color(role), width=1))
        curve.setFillLevel(0 if is_filled else None)
        curve.setBrush(tokens.color(role, 38) if is_filled else None)

    def _line(self, angle: int) -> Any:
        line: Any = pg.InfiniteLine(angle=angle, movable=False)
        line.setVisible(False)
        self._item.addItem(line, ignoreBounds=True)
        return line

    def _time_at(self, position: QPointF) -> float | None:
        box = self._item.getViewBox()
        if not box.sceneBoundingRect().contains(position):
            return None
        return min(0.0, float(box.mapSceneToView(position).x()))

    def _on_mouse_moved(self, position: QPointF) -> None:
        if not self._is_dragging:
            self.pointed.emit(self._time_at(position))

    def _on_mouse(self, kind: QEvent.Type, event: QMouseEvent) -> None:
        place = event.position()
        if kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            time_s = self._time_at(self.plot.mapToScene(place.toPoint()))
            self._press = None if time_s is None else (time_s, place)
            self._is_dragging = False
        elif kind == QEvent.Type.MouseMove and self._press is not None:
            way = place.x() - self._press[1].x()
            if self._is_dragging or abs(way) > _DRAG_PX:
                self._is_dragging = True
                box = self._item.getViewBox()
                self.dragged.emit(way * box.viewPixelSize()[0])
                self._press = (self._press[0], place)
        elif kind == QEvent.Type.MouseButtonRelease and self._press is not None:
            time_s, self._press = self._press[0], None
            if not self._is_dragging:
                self.chosen.emit(time_s)
            self._is_dragging = False

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
