"""Plots of a project's builds: how many passed on each day, and how long they took."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QVBoxLayout, QWidget

from slate_desktop.domain.build import BuildStatistics, DayStatistics
from slate_desktop.ui.text import format_duration, plain_label
from slate_desktop.ui.theme import Theme

_DAYS = 30


class BuildPlots(QWidget):
    """Two plots of the last days, and the figures in words above them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._days: Sequence[DayStatistics] = ()
        self.summary = plain_label(role="muted")
        self.summary.setWordWrap(True)
        self.counts = self._plot(self.tr("builds a day"))
        self.durations = self._plot(self.tr("median seconds"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(self.summary)
        layout.addWidget(self.counts, 1)
        layout.addWidget(self.durations, 1)
        theme.changed.connect(self._draw)

    def show_figures(self, whole: BuildStatistics, days: Sequence[DayStatistics]) -> None:
        """Draw these figures."""
        self._days = days[-_DAYS:]
        parts = [self.tr("builds: {n}").format(n=whole.total)]
        if whole.success_rate is not None:
            parts.append(self.tr("{rate} passed").format(rate=f"{whole.success_rate:.0%}"))
        for title, seconds in (
            (self.tr("mean"), whole.mean_duration_s),
            (self.tr("median"), whole.median_duration_s),
            (self.tr("9 of 10 within"), whole.p90_duration_s),
        ):
            if seconds is not None:
                parts.append(f"{title} {format_duration(seconds)}")
        self.summary.setText(" · ".join(parts))
        self._draw()

    def _draw(self) -> None:
        tokens = self._theme.tokens
        for plot in (self.counts, self.durations):
            plot.setBackground(tokens.color("surface.panel"))
            plot.clear()
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(tokens.color("surface.border_strong"))
                plot.getAxis(side).setTextPen(tokens.color("text.muted"))
        if not self._days:
            return
        xs = np.arange(len(self._days), dtype=float)
        passed = np.array([d.figures.completed - d.figures.suspect for d in self._days], float)
        suspect = np.array([d.figures.suspect for d in self._days], float)
        failed = np.array([d.figures.failed for d in self._days], float)
        base = np.zeros_like(xs)
        for heights, role in (
            (passed, "state.ok"),
            (suspect, "state.warn"),
            (failed, "state.error"),
        ):
            bars = pg.BarGraphItem(
                x=xs, y0=base, height=heights, width=0.7, brush=tokens.color(role), pen=None
            )
            self.counts.addItem(bars)
            base = base + heights
        medians = np.array([d.figures.median_duration_s or np.nan for d in self._days], float)
        pen = pg.mkPen(tokens.color("accent.main"), width=2)
        self.durations.plot(
            xs, medians, pen=pen, symbol="o", symbolSize=5, symbolBrush=tokens.color("accent.main"),
            symbolPen=None, connect="finite",
        )  # fmt: skip
        step = max(1, len(self._days) // 6)
        ticks = [(i, d.day.strftime("%m-%d")) for i, d in enumerate(self._days) if i % step == 0]
        for plot in (self.counts, self.durations):
            plot.getAxis("bottom").setTicks([ticks])
            plot.setXRange(-0.6, max(len(self._days) - 0.4, 1.0))

    def _plot(self, title: str) -> pg.PlotWidget:
        plot = pg.PlotWidget()
        plot.setMenuEnabled(False)
        plot.setMouseEnabled(False, False)
        plot.hideButtons()
        plot.setLabel("left", title)
        plot.setMinimumHeight(70)
        plot.setAccessibleName(title)
        return plot
