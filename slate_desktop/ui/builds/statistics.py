"""Figures of a project's builds: on each day, and for each platform and type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.build import BuildStatistics, DayStatistics, GroupStatistics
from slate_desktop.domain.builds.matrix import PLATFORM_TITLES
from slate_desktop.translation import plural
from slate_desktop.ui.text import format_duration, format_share, plain_label
from slate_desktop.ui.theme import Theme

_DAYS = 30
_MAX_TARGET_ROWS = 4


class BuildPlots(QWidget):
    """Two plots of the last days, the figures in words above, those of each target below."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._days: Sequence[DayStatistics] = ()
        self.summary = plain_label(role="muted")
        self.summary.setWordWrap(True)
        self.counts, counts = self._plot(self.tr("Builds a day"))
        self.durations, durations = self._plot(self.tr("Median of a day, in seconds"))
        self.targets = self._make_targets()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(self.summary)
        plots = QHBoxLayout()
        plots.addLayout(counts, 1)
        plots.addLayout(durations, 1)
        layout.addLayout(plots, 1)
        layout.addWidget(self.targets)
        theme.changed.connect(self._draw)

    def show_figures(
        self,
        whole: BuildStatistics,
        days: Sequence[DayStatistics],
        targets: Sequence[GroupStatistics],
    ) -> None:
        """Draw these figures."""
        self._show_targets(targets)
        self._days = days[-_DAYS:]
        parts = [plural("{count} build", "{count} builds", whole.total)]
        if whole.success_rate is not None:
            parts.append(self.tr("{rate} passed").format(rate=format_share(whole.success_rate)))
        for title, seconds in (
            (self.tr("mean"), whole.mean_duration_s),
            (self.tr("median"), whole.median_duration_s),
            (self.tr("9 of 10 within"), whole.p90_duration_s),
        ):
            if seconds is not None:
                parts.append(f"{title} {format_duration(seconds)}")
        self.summary.setText(" · ".join(parts))
        self._draw()

    def _show_targets(self, targets: Sequence[GroupStatistics]) -> None:
        self.targets.clear()
        for group in targets:
            figures = group.figures
            rate = "" if figures.success_rate is None else format_share(figures.success_rate)
            seconds = (figures.median_duration_s, figures.p90_duration_s)
            item = QTreeWidgetItem(
                [
                    PLATFORM_TITLES[group.target_platform],
                    group.build_type.value,
                    str(figures.total),
                    rate,
                    *("" if s is None else format_duration(s) for s in seconds),
                ]
            )
            self.targets.addTopLevelItem(item)
        self.targets.setVisible(bool(targets))
        rows = min(len(targets), _MAX_TARGET_ROWS) + 1
        line = max(self.targets.sizeHintForRow(0), self.targets.header().sizeHint().height())
        self.targets.setFixedHeight(rows * line + 6)

    def _make_targets(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName(self.tr("Figures of each platform and type"))
        tree.setHeaderLabels(
            [
                self.tr("Platform"),
                self.tr("Type"),
                self.tr("Builds"),
                self.tr("Passed"),
                self.tr("Median"),
                self.tr("9 of 10"),
            ]
        )
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        tree.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        return tree

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
        top = max((d.figures.median_duration_s or 0.0 for d in self._days), default=0.0)
        self.durations.setYRange(0, max(top * 1.2, 1.0))
        step = max(1, len(self._days) // 6)
        ticks = [(i, d.day.strftime("%m-%d")) for i, d in enumerate(self._days) if i % step == 0]
        for plot in (self.counts, self.durations):
            plot.getAxis("bottom").setTicks([ticks])
            plot.setXRange(-0.6, max(len(self._days) - 0.4, 1.0))

    def _plot(self, title: str) -> tuple[pg.PlotWidget, QVBoxLayout]:
        plot = pg.PlotWidget()
        plot.setMenuEnabled(False)
        plot.setMouseEnabled(False, False)
        plot.hideButtons()
        plot.setMinimumHeight(70)
        plot.setAccessibleName(title)
        layout = QVBoxLayout()
        layout.setSpacing(2)
        layout.addWidget(plain_label(title, role="muted"))
        layout.addWidget(plot, 1)
        return plot, layout
