"""All graphs one below the other, over one time axis, with one pointer through all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np
from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from slate_desktop.control.stats_history import Series
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.ui.monitor.graph import Graph
from slate_desktop.ui.monitor.legend import Legend
from slate_desktop.ui.monitor.marks import MarkStrip
from slate_desktop.ui.monitor.plot import Look
from slate_desktop.ui.text import format_rate
from slate_desktop.ui.theme import Theme

_CPU_TOPS = (5, 10, 25, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800)
# Colours of several sessions on one plot, in the order in which they were chosen.
SESSION_ROLES = ("graph.cpu", "graph.memory", "graph.up", "graph.down", "state.warn", "state.error")

_NETWORK = ("rx_bytes_per_s", "tx_bytes_per_s")
_DISK = ("read_bytes_per_s", "written_bytes_per_s")


def _tr(source: str) -> str:
    return QCoreApplication.translate("Graphs", source)


class Shown(msgspec.Struct, frozen=True):
    """One session as it is drawn now."""

    title: str
    series: Series
    latest: ContainerStats | None


class GraphStack(QWidget):
    """CPU, memory, network, disk, processes and GPU of the chosen sessions."""

    moment_chosen = Signal(float)
    dragged = Signal(float)
    wheeled = Signal(float, float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._pointed_s: float | None = None
        self._drawn: list[Shown] = []
        self._end_ns = 0
        self.cpu = Graph(theme, _tr("CPU"), lambda v: f"{v:g} %")
        self.memory = Graph(theme, _tr("Memory"), format_bytes)
        self.network = Graph(theme, _tr("Network"), format_rate)
        self.disk = Graph(theme, _tr("Disk"), format_rate)
        self.processes = Graph(theme, _tr("Processes"), lambda v: f"{v:g}")
        self.gpu = Graph(theme, _tr("GPU"), lambda v: f"{v:g} %")
        self.graphs = (
            self.cpu, self.memory, self.network, self.disk, self.processes, self.gpu,
        )  # fmt: skip
        self.strip = MarkStrip(theme)
        self.strip.chosen.connect(self.moment_chosen)
        content = QWidget()
        content.setObjectName("pane")
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 8, 6)
        column.setSpacing(4)
        for graph in self.graphs:
            column.addWidget(graph, 1)
            graph.plot.set_top(100.0 if graph in (self.cpu, self.gpu) else 1024.0 * 1024)
            graph.pointed.connect(self.point_at)
            graph.chosen.connect(self.moment_chosen)
            graph.dragged.connect(self.dragged)
            graph.wheeled.connect(self.wheeled)
            graph.plot.setToolTip(
                _tr("Press to see the log of that moment; drag to move, Ctrl+wheel to zoom")
            )
        self.gpu.hide()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.legend = Legend(theme)
        layout.addWidget(self.legend)
        layout.addWidget(self.strip)
        layout.addWidget(area, 1)

    def set_span(self, span_s: float, end_ns: int | None) -> None:
        """Show a span of seconds that ends at a moment, None for one that goes with the clock."""
        for graph in self.graphs:
            graph.plot.set_span(span_s, end_ns)
        self.strip.set_span(span_s)

    def point_at(self, time_s: float | None) -> None:
        """Show the values of a moment, seconds before the right edge, or the newest for None."""
        self._pointed_s = time_s
        for graph in self.graphs:
            graph.plot.set_pointed(time_s)
        self._write()

    def show_shade(self, span: tuple[float, float] | None) -> None:
        """Shade a span in all graphs, or none."""
        for graph in self.graphs:
            graph.plot.set_shade(span)

    def apply_theme(self) -> None:
        """Take the colours of the theme."""
        for graph in self.graphs:
            graph.apply_theme()
        self.strip.update()

    def draw(self, shown: Sequence[Shown], end_ns: int) -> None:
        """Draw the points of some sessions, whose span ends at a moment."""
        self._drawn, self._end_ns = list(shown), end_ns
        one = len(shown) == 1
        self.legend.set_entries(
            [(s.title, SESSION_ROLES[i % len(SESSION_ROLES)]) for i, s in enumerate(shown)]
        )
        has_gpu = any(np.isfinite(_array(s.series.gpu_percent)).any() for s in shown)
        self.gpu.setVisible(has_gpu)
        self._draw(self.cpu, "cpu_percent", "cpu_percent_max", "graph.cpu")
        self.cpu.plot.set_top(_top_percent(_peak_of(shown, "cpu_percent_max")))
        self._draw(self.memory, "memory_bytes", "memory_max_bytes", "graph.memory")
        self._draw_limit(shown)
        for graph, names in (
            (self.network, _NETWORK),
            (self.disk, _DISK),
        ):
            self._draw_pair(graph, names)
            graph.plot.set_top(nice_bytes(max(_peak_of(shown, name) for name in names), least=1024))
        self._draw(self.processes, "pids", None, "graph.up")
        self.processes.plot.set_top(_nice_count(_peak_of(shown, "pids")))
        if has_gpu:
            self._draw(self.gpu, "gpu_percent", None, "graph.down")
        self.cpu.plot.set_lines(mean=_mean(_array(shown[0].series.cpu_percent)) if one else None)
        times = self.strip.times
        for graph in self.graphs:
            graph.plot.set_marks(times)
        self._write()

    def _draw(self, graph: Graph, name: str, peak: str | None, role: str) -> None:
        one = len(self._drawn) == 1
        looks: list[Look] = []
        columns: list[tuple[np.ndarray, np.ndarray]] = []
        for index, shown in enumerate(self._drawn):
            colour = role if one else SESSION_ROLES[index % len(SESSION_ROLES)]
            times = _array(shown.series.time_s)
            if one and peak is not None:
                looks.append(Look(colour, is_filled=False, is_faint=True))
                columns.append((times, _array(getattr(shown.series, peak))))
            looks.append(Look(colour, is_filled=one, is_faint=False))
            columns.append((times, _array(getattr(shown.series, name))))
        graph.plot.set_curves(looks, columns)

    def _draw_pair(self, graph: Graph, names: tuple[str, str]) -> None:
        one = len(self._drawn) == 1
        looks: list[Look] = []
        columns: list[tuple[np.ndarray, np.ndarray]] = []
        for index, shown in enumerate(self._drawn):
            roles = ("graph.down", "graph.up") if one else (SESSION_ROLES[index % 6],) * 2
            looks += [Look(roles[0], one, is_faint=False), Look(roles[1], one, is_faint=not one)]
            times = _array(shown.series.time_s)
            columns += [(times, _array(getattr(shown.series, name))) for name in names]
        graph.plot.set_curves(looks, columns)

    def _draw_limit(self, shown: Sequence[Shown]) -> None:
        peak = _peak_of(shown, "memory_max_bytes")
        limits = {s.series.memory_limit for s in shown if s.series.memory_limit > 0}
        limit = max(limits, default=0)
        self.memory.plot.set_top(float(limit) if limit >= peak > 0 else nice_bytes(peak))
        self.memory.plot.set_lines(limit=float(limit) if len(limits) == 1 else None)

    # -- words -----------------------------------------------------------------------------

    def _write(self) -> None:
        when, at = "", None
        if self._pointed_s is not None and any(len(s.series.time_s) for s in self._drawn):
            at = self._pointed_s
            moment = datetime.fromtimestamp(self._end_ns / 1e9 + at, UTC).astimezone()
            is_today = moment.date() == datetime.now(UTC).astimezone().date()
            when = f"{moment:%H:%M:%S} · " if is_today else f"{moment:%d %b %H:%M} · "
        writers: tuple[tuple[Graph, Callable[[Shown, float | None], str]], ...] = (
            (self.cpu, _cpu_words),
            (self.memory, _memory_words),
            (self.network, lambda s, t: _pair_words(s, t, _NETWORK, ("↓", "↑"))),
            (self.disk, lambda s, t: _pair_words(s, t, _DISK, (_tr("read"), _tr("write")))),
            (self.processes, lambda s, t: _one_words(s, t, "pids", lambda v: f"{v:.0f}")),
            (self.gpu, _gpu_words),
        )
        for graph, words in writers:
            texts = [words(shown, at) for shown in self._drawn]
            graph.figure.setText(when + "  |  ".join(texts) if texts else "–")


def _cpu_words(shown: Shown, at: float | None) -> str:
    if at is not None:
        return _one_words(shown, at, "cpu_percent", lambda v: f"{v:.1f} %")
    if shown.latest is None or not len(shown.series.time_s):
        return "–"
    return f"{shown.latest.cpu_percent:.1f} %"


def _memory_words(shown: Shown, at: float | None) -> str:
    if at is not None:
        return _one_words(shown, at, "memory_bytes", format_bytes)
    if shown.latest is None or not len(shown.series.time_s):
        return "–"
    used = format_bytes(shown.latest.memory_usage)
    if shown.latest.memory_limit <= 0:
        return used
    return _tr("{used} of {limit}").format(used=used, limit=format_bytes(shown.latest.memory_limit))


def _gpu_words(shown: Shown, at: float | None) -> str:
    percent = _one_words(shown, at, "gpu_percent", lambda v: f"{v:.0f} %")
    return f"{percent} {_one_words(shown, at, 'gpu_memory_bytes', format_bytes)}"


def _one_words(shown: Shown, at: float | None, name: str, words: Callable[[float], str]) -> str:
    value = _value(shown.series, name, at)
    if value is None:
        return _tr("not measured") if at is not None else "–"
    return words(value)


def _pair_words(
    shown: Shown, at: float | None, names: tuple[str, str], signs: tuple[str, str]
) -> str:
    one, two = (_value(shown.series, name, at) for name in names)
    if one is None or two is None:
        return _tr("not measured") if at is not None else "–"
    return f"{signs[0]} {format_rate(one)}   {signs[1]} {format_rate(two)}"


def _value(series: Series, name: str, at: float | None) -> float | None:
    values = getattr(series, name)
    if not len(values):
        return None
    index = -1 if at is None else int(np.abs(_array(series.time_s) - at).argmin())
    found = values[index]
    return None if math.isnan(found) else found


def _array(values: object) -> np.ndarray:
    return np.frombuffer(values)  # type: ignore[arg-type]


def summary(shown: Shown, names: tuple[str, str], words: Callable[[float], str]) -> str:
    """Return ``mean …, peak …`` of a figure over the span."""
    values, peaks = (_array(getattr(shown.series, name)) for name in names)
    if not np.isfinite(values).any():
        return ""
    mean, peak = words(_mean(values)), words(_peak(peaks))
    return _tr("mean {mean} · peak {peak}").format(mean=mean, peak=peak)


def _mean(values: np.ndarray) -> float:
    there = values[np.isfinite(values)]
    return float(there.sum()) / len(there) if len(there) else 0.0


def _peak(values: np.ndarray) -> float:
    # numpy's functions for values with gaps take four times as long; they are asked every second.
    peak = float(np.fmax.reduce(values)) if len(values) else 0.0
    return peak if math.isfinite(peak) else 0.0


def _peak_of(shown: Sequence[Shown], name: str) -> float:
    return max((_peak(_array(getattr(s.series, name))) for s in shown), default=0.0)


def _top_percent(peak: float) -> float:
    return next((top for top in _CPU_TOPS if top >= peak * 1.05), peak)


def _nice_count(peak: float) -> float:
    top = 4.0
    while top < peak * 1.1:
        top *= 2
    return top


def nice_bytes(peak: float, *, least: float = 1024 * 1024) -> float:
    """Return the next power of two from ``least`` on that leaves room above ``peak``."""
    top = float(least)
    while top < peak * 1.1:
        top *= 2
    return top
