"""The graphs of the Performance dock: CPU, memory with its limit, network down and up.

Owns drawing only; the samples belong to the stats model. Importing this module imports pyqtgraph
and numpy, so it is imported after the first paint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from slate_desktop.domain.sizes import format_bytes
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.ui import text
from slate_desktop.ui.text import ElidedLabel, plain_label
from slate_desktop.ui.theme import Theme

# A hole in the samples longer than this is drawn as a hole. Stats by request come every 5 s.
_GAP_S = 12.0
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
    """One graph: a title, the newest figures in words, and one or two filled curves."""

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
        self._curves = [item.plot(connect="finite", antialias=True) for _role in curves]
        self.limit_line = pg.InfiniteLine(angle=0, movable=False)
        self.limit_line.setVisible(False)
        item.addItem(self.limit_line, ignoreBounds=True)
        self._lay_out()
        self.apply_theme()

    def apply_theme(self) -> None:
        """Take the colours and the font of the theme."""
        tokens = self._theme.tokens
        self.title.setFont(self._theme.ui_font(is_bold=True))
        self.plot.setBackground(tokens.color("surface.panel"))
        small = self._theme.ui_font(scale=0.85)
        for axis in (self._axis, self._time):
            axis.setPen(tokens.color("graph.grid"))
            axis.setTextPen(tokens.color("text.faint"))
            axis.setTickFont(small)
            axis.setStyle(tickLength=0, tickTextOffset=5)
        self.plot.showGrid(x=False, y=True, alpha=0.28 if tokens.is_dark else 0.4)
        for curve, role in zip(self._curves, self._roles, strict=True):
            curve.setPen(pg.mkPen(tokens.color(role), width=1))
            curve.setFillLevel(0)
            curve.setBrush(tokens.color(role, 38))
        self.limit_line.setPen(
            pg.mkPen(tokens.color("graph.limit"), width=1, style=Qt.PenStyle.DashLine)
        )

    def set_span(self, span_s: float) -> None:
        """Show the last ``span_s`` seconds."""
        self.plot.getViewBox().setXRange(-span_s, 0, padding=0)

    def set_top(self, top: float) -> None:
        """Fix the value at the upper edge."""
        if top != self._axis.top_value:
            self._axis.top_value = top
            self.plot.getViewBox().setYRange(0, top * 1.04, padding=0)
            self._axis.picture = None

    def set_curve(self, index: int, times: np.ndarray, values: np.ndarray) -> None:
        """Draw one curve over seconds before now."""
        self._curves[index].setData(times, values)

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
    """CPU over memory over network, drawn from a list of samples."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._span_s = 60.0
        self.cpu = Graph(theme, _tr("CPU"), ["graph.cpu"], lambda v: f"{v:g} %")
        self.memory = Graph(theme, _tr("Memory"), ["graph.memory"], format_bytes)
        self.network = Graph(theme, _tr("Network"), ["graph.down", "graph.up"], text.format_rate)
        self.graphs = (self.cpu, self.memory, self.network)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 6)
        layout.setSpacing(2)
        for graph in self.graphs:
            layout.addWidget(graph, 1)
            graph.set_span(self._span_s)
            graph.set_top(100.0 if graph is self.cpu else 1024.0 * 1024)
        self.draw((), 0.0)

    @property
    def span_s(self) -> float:
        """How many seconds are shown."""
        return self._span_s

    def set_span(self, span_s: float) -> None:
        """Show the last ``span_s`` seconds."""
        self._span_s = span_s
        for graph in self.graphs:
            graph.set_span(span_s)

    def apply_theme(self) -> None:
        """Take the colours of the theme."""
        for graph in self.graphs:
            graph.apply_theme()

    def draw(self, samples: Sequence[ContainerStats], now_s: float) -> None:
        """Draw the samples, oldest first.

        Args:
            samples: as the stats model keeps them.
            now_s: the right edge, seconds since the epoch.
        """
        times = np.array([s.sampled_at_ns / 1e9 for s in samples]) - now_s
        inside = times >= -self._span_s * 1.05 - _GAP_S
        times = times[inside]
        kept = [s for s, is_in in zip(samples, inside, strict=True) if is_in]
        self._draw_cpu(times, kept)
        self._draw_memory(times, kept)
        self._draw_network(times, kept)

    def _draw_cpu(self, times: np.ndarray, samples: Sequence[ContainerStats]) -> None:
        values = np.array([s.cpu_percent for s in samples], dtype=float)
        peak = float(values.max(initial=0.0))
        self.cpu.set_top(next((t for t in _CPU_TOPS if t >= peak * 1.05), peak or 1.0))
        self.cpu.set_curve(0, *_with_gaps(times, values))
        self.cpu.figure.setText(f"{values[-1]:.1f} %" if len(values) else "–")

    def _draw_memory(self, times: np.ndarray, samples: Sequence[ContainerStats]) -> None:
        values = np.array([s.memory_usage for s in samples], dtype=float)
        limit = samples[-1].memory_limit if samples else 0
        peak = float(values.max(initial=0.0))
        self.memory.set_top(limit if limit >= peak > 0 else nice_bytes(peak))
        self.memory.limit_line.setVisible(limit > 0)
        self.memory.limit_line.setValue(limit)
        self.memory.set_curve(0, *_with_gaps(times, values))
        figure = "–"
        if len(values):
            figure = format_bytes(values[-1])
            if limit > 0:
                figure = _tr("{used} of {limit}").format(used=figure, limit=format_bytes(limit))
        self.memory.figure.setText(figure)

    def _draw_network(self, times: np.ndarray, samples: Sequence[ContainerStats]) -> None:
        totals = np.array(
            [(s.network_rx_bytes, s.network_tx_bytes) for s in samples], dtype=float
        ).reshape(-1, 2)
        seconds = np.maximum(np.diff(times), 1e-3)
        # Counters begin anew when the runtime does.
        rates = np.maximum(np.diff(totals, axis=0), 0.0) / seconds[:, None]
        if len(rates):
            rates[seconds > _GAP_S] = 0.0
        self.network.set_top(nice_bytes(float(rates.max(initial=0.0)), least=1024))
        for column in (0, 1):
            self.network.set_curve(column, *_with_gaps(times[1:], rates[:, column]))
        down, up = rates[-1] if len(rates) else (None, None)
        self.network.figure.setText(
            "–"
            if down is None or up is None
            else f"↓ {text.format_rate(down)}   ↑ {text.format_rate(up)}"
        )


def nice_bytes(peak: float, *, least: float = 1024 * 1024) -> float:
    """Return the next power of two from ``least`` on that leaves room above ``peak``."""
    top = float(least)
    while top < peak * 1.1:
        top *= 2
    return top


def _with_gaps(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Insert a NaN wherever samples are missing, so that no line is drawn across the hole."""
    holes = np.flatnonzero(np.diff(times) > _GAP_S) + 1
    if not len(holes):
        return times, values
    return np.insert(times, holes, times[holes] - 1e-3), np.insert(values, holes, np.nan)
