"""The graphs of the Performance dock: CPU, memory with its limit, network down and up.

Owns drawing only; the samples belong to the stats model. Importing this module imports pyqtgraph
and numpy, so it is imported after the first paint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from slate_desktop.control.stats_history import Series
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.ui.text import ElidedLabel, format_rate, plain_label
from slate_desktop.ui.theme import Theme

_CPU_TOPS = (5, 10, 25, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800)
_AXIS_WIDTH = 62


def _tr(source: str) -> str:
    return QCoreApplication.translate("Graphs", source)


class TimeAxis(pg.AxisItem):
    """Seconds before now, written as ``45 s``, ``3 min`` and ``now``."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the labels of the ticks."""
        return [self._label(value) for value in values]

    def tickValues(
        self, minVal: float, maxVal: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Return a tick every 10 s, minute or 10 minutes, by the span."""
        span = maxVal - minVal
        step = 10.0 if span <= 90 else 60.0 if span <= 600 else 600.0
        if size < 220:
            step *= 2
        return [(step, list(np.arange(0.0, minVal - step / 2, -step)))]

    @staticmethod
    def _label(value: float) -> str:
        seconds = round(-value)
        if seconds == 0:
            return _tr("now")
        return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"


class ValueAxis(pg.AxisItem):
    """Values at zero, half and full height, written with a formatter, in a fixed width."""

    def __init__(self, format_value: Callable[[float], str]) -> None:
        super().__init__("left")
        self._format = format_value
        self.setWidth(_AXIS_WIDTH)

    def tickValues(
        self, minVal: float, maxVal: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Return three ticks that never move while the range stays."""
        top = self.top_value
        return [(top / 2, [0.0, top / 2, top])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the labels of the ticks."""
        return [self._format(value) for value in values]

    top_value = 1.0


class Graph(QWidget):
    """One graph: a title, the newest figures in words, and one or two filled curves.

    ``pointed`` tells where the pointer is, in seconds before now, None when it has left;
    ``chosen`` where it was pressed.
    """

    pointed = Signal(object)
    chosen = Signal(float)

    def __init__(
        self,
        theme: Theme,
        title: str,
        curves: Sequence[str],
        format_value: Callable[[float], str],
    ) -> None:
        super().__init__()
        self._theme = theme
        self._roles = list(curves)
        self.title = plain_label(title)
        self.title.setFont(theme.ui_font(is_bold=True))
        self.figure = ElidedLabel()
        self.figure.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setAccessibleName(title)
        self._axis = ValueAxis(format_value)
        self._time = TimeAxis("bottom")
        self.plot = pg.PlotWidget(axisItems={"left": self._axis, "bottom": self._time})
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setMinimumHeight(70)
        # pyqtgraph builds most of its methods at run time.
        item: Any = self.plot.getPlotItem()
        item.setMenuEnabled(False)
        item.setMouseEnabled(x=False, y=False)
        item.hideButtons()
        item.disableAutoRange()
        item.getViewBox().setDefaultPadding(0)
        self.curves = [item.plot(connect="finite", antialias=True) for _role in curves]
        self.limit_line = pg.InfiniteLine(angle=0, movable=False)
        self.limit_line.setVisible(False)
        item.addItem(self.limit_line, ignoreBounds=True)
        self.pointer = pg.InfiniteLine(angle=90, movable=False)
        self.pointer.setVisible(False)
        item.addItem(self.pointer, ignoreBounds=True)
        scene: Any = self.plot.scene()
        scene.sigMouseMoved.connect(self._on_mouse_moved)
        scene.sigMouseClicked.connect(self._on_mouse_clicked)
        self.plot.installEventFilter(self)
        self._lay_out()
        self.apply_theme()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice that the pointer has left."""
        if event.type() == QEvent.Type.Leave:
            self.pointed.emit(None)
        return super().eventFilter(watched, event)

    def show_pointer(self, time_s: float | None) -> None:
        """Draw a line at a moment, or none."""
        self.pointer.setVisible(time_s is not None)
        if time_s is not None:
            self.pointer.setValue(time_s)

    def apply_theme(self) -> None:
        """Take the colours and the font of the theme."""
        tokens = self._theme.tokens
        self.pointer.setPen(pg.mkPen(tokens.color("text.faint"), width=1))
        self.title.setFont(self._theme.ui_font(is_bold=True))
        self.plot.setBackground(tokens.color("surface.panel"))
        small = self._theme.ui_font(scale=0.85)
        for axis in (self._axis, self._time):
            axis.setPen(tokens.color("graph.grid"))
            axis.setTextPen(tokens.color("text.faint"))
            axis.setTickFont(small)
            axis.setStyle(tickLength=0, tickTextOffset=5)
        self.plot.showGrid(x=False, y=True, alpha=0.28 if tokens.is_dark else 0.4)
        for curve, role in zip(self.curves, self._roles, strict=True):
            curve.setPen(pg.mkPen(tokens.color(role), width=1))
            curve.setFillLevel(0)
            curve.setBrush(tokens.color(role, 38))
        self.limit_line.setPen(
            pg.mkPen(tokens.color("graph.limit"), width=1, style=Qt.PenStyle.DashLine)
        )

    def set_span(self, span_s: float) -> None:
        """Show the last ``span_s`` seconds."""
        self.plot.getViewBox().setXRange(-span_s, span_s * 0.05, padding=0)

    def set_top(self, top: float) -> None:
        """Fix the value at the upper edge."""
        if top != self._axis.top_value:
            self._axis.top_value = top
            # Room above and below, or the labels of the outer lines are left out.
            self.plot.getViewBox().setYRange(-top * 0.08, top * 1.1, padding=0)
            self._axis.picture = None

    def set_curve(self, index: int, times: np.ndarray, values: np.ndarray) -> None:
        """Draw one curve over seconds before now."""
        self.curves[index].setData(times, values)

    def _time_at(self, position: QPointF) -> float | None:
        item: Any = self.plot.getPlotItem()
        box = item.getViewBox()
        if not box.sceneBoundingRect().contains(position):
            return None
        return min(0.0, float(box.mapSceneToView(position).x()))

    def _on_mouse_moved(self, position: QPointF) -> None:
        self.pointed.emit(self._time_at(position))

    def _on_mouse_clicked(self, event: Any) -> None:
        time_s = self._time_at(event.scenePos())
        if time_s is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(time_s)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(10, 6, 12, 0)
        head.setSpacing(10)
        head.addWidget(self.title)
        head.addWidget(self.figure, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.plot, 1)


class GraphStack(QWidget):
    """CPU over memory over network, with one pointer through all of them."""

    moment_chosen = Signal(float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._span_s = 60.0
        self._pointed_s: float | None = None
        self._drawn: tuple[Series, ContainerStats | None] | None = None
        self.cpu = Graph(theme, _tr("CPU"), ["graph.cpu"], lambda v: f"{v:g} %")
        self.memory = Graph(theme, _tr("Memory"), ["graph.memory"], format_bytes)
        self.network = Graph(theme, _tr("Network"), ["graph.down", "graph.up"], format_rate)
        self.graphs = (self.cpu, self.memory, self.network)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 8, 6)
        layout.setSpacing(6)
        for graph in self.graphs:
            layout.addWidget(graph, 1)
            graph.set_span(self._span_s)
            graph.set_top(100.0 if graph is self.cpu else 1024.0 * 1024)
            graph.pointed.connect(self.point_at)
            graph.chosen.connect(self.moment_chosen)
            graph.plot.setToolTip(_tr("Press to see the log of that moment"))

    @property
    def span_s(self) -> float:
        """How many seconds are shown."""
        return self._span_s

    def set_span(self, span_s: float) -> None:
        """Show the last ``span_s`` seconds."""
        self._span_s = span_s
        for graph in self.graphs:
            graph.set_span(span_s)

    def point_at(self, time_s: float | None) -> None:
        """Show the values of a moment, seconds before now, or the newest ones for None."""
        self._pointed_s = time_s
        for graph in self.graphs:
            graph.show_pointer(time_s)
        if self._drawn is not None:
            self._write(*self._drawn)

    def apply_theme(self) -> None:
        """Take the colours of the theme."""
        for graph in self.graphs:
            graph.apply_theme()

    def draw(self, series: Series, latest: ContainerStats | None) -> None:
        """Draw the points of a span and write the newest figures."""
        times = np.frombuffer(series.time_s)
        columns = (
            series.cpu_percent,
            series.memory_bytes,
            series.rx_bytes_per_s,
            series.tx_bytes_per_s,
        )
        cpu, memory, down, up = (np.frombuffer(column) for column in columns)
        self.cpu.set_top(_top_percent(_peak(cpu)))
        self.cpu.set_curve(0, times, cpu)
        self._draw_memory(times, memory, series.memory_limit)
        self.network.set_top(nice_bytes(max(_peak(down), _peak(up)), least=1024))
        self.network.set_curve(0, times, down)
        self.network.set_curve(1, times, up)
        self._drawn = series, latest
        self._write(series, latest)

    def _write(self, series: Series, latest: ContainerStats | None) -> None:
        if self._pointed_s is None or not len(series.time_s):
            self._write_figures(
                latest, np.frombuffer(series.rx_bytes_per_s), np.frombuffer(series.tx_bytes_per_s)
            )
            return
        times = np.frombuffer(series.time_s)
        at = int(np.abs(times - self._pointed_s).argmin())
        clock = (datetime.now(UTC) + timedelta(seconds=float(times[at]))).astimezone()
        when = f"{clock:%H:%M:%S} · "
        values = (series.cpu_percent[at], series.memory_bytes[at])
        if not np.isfinite(values).all():
            for graph in self.graphs:
                graph.figure.setText(when + _tr("not measured"))
            return
        self.cpu.figure.setText(f"{when}{values[0]:.1f} %")
        self.memory.figure.setText(when + format_bytes(values[1]))
        down, up = series.rx_bytes_per_s[at], series.tx_bytes_per_s[at]
        self.network.figure.setText(f"{when}↓ {format_rate(down)}   ↑ {format_rate(up)}")

    def _draw_memory(self, times: np.ndarray, values: np.ndarray, limit: int) -> None:
        peak = _peak(values)
        self.memory.set_top(float(limit) if limit >= peak > 0 else nice_bytes(peak))
        self.memory.limit_line.setVisible(limit > 0)
        self.memory.limit_line.setValue(limit)
        self.memory.set_curve(0, times, values)

    def _write_figures(
        self, latest: ContainerStats | None, down: np.ndarray, up: np.ndarray
    ) -> None:
        if latest is None or not len(down):
            for graph in self.graphs:
                graph.figure.setText("–")
            return
        self.cpu.figure.setText(f"{latest.cpu_percent:.1f} %")
        memory = format_bytes(latest.memory_usage)
        if latest.memory_limit > 0:
            memory = _tr("{used} of {limit}").format(
                used=memory, limit=format_bytes(latest.memory_limit)
            )
        self.memory.figure.setText(memory)
        self.network.figure.setText(f"↓ {format_rate(down[-1])}   ↑ {format_rate(up[-1])}")


def _peak(values: np.ndarray) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0


def _top_percent(peak: float) -> float:
    return next((top for top in _CPU_TOPS if top >= peak * 1.05), peak)


def nice_bytes(peak: float, *, least: float = 1024 * 1024) -> float:
    """Return the next power of two from ``least`` on that leaves room above ``peak``."""
    top = float(least)
    while top < peak * 1.1:
        top *= 2
    return top
