"""The Performance pane: which span is shown, and when it is drawn.

The graphs themselves are in ``graphs``, imported after the first paint because pyqtgraph is slow to
import.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QStackedLayout, QToolButton, QWidget

from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.stats_history import StatsHistory
    from slate_desktop.ui.graphs import GraphStack

_REDRAW_MS = 500


class SpanButtons(QWidget):
    """1 min, 5 min, 1 h."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        self.buttons: dict[int, QToolButton] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.setSpacing(3)
        for span_s, text in (
            (60, self.tr("1 min")),
            (300, self.tr("5 min")),
            (3600, self.tr("1 h")),
        ):
            button = QToolButton(self)
            button.setObjectName("chip")
            button.setText(text)
            button.setCheckable(True)
            button.setAccessibleName(self.tr("Show the last {span}").format(span=text))
            button.clicked.connect(lambda _checked=False, span_s=span_s: self.chosen.emit(span_s))
            self._group.addButton(button)
            layout.addWidget(button)
            self.buttons[span_s] = button

    def show_span(self, span_s: int) -> None:
        """Mark the span that is shown."""
        self.buttons[span_s].setChecked(True)


class PerformancePane(QWidget):
    """Draws the history of one session twice a second while somebody looks.

    ``moment_chosen`` gives the moment that was pressed, UTC nanoseconds since the epoch.
    """

    moment_chosen = Signal(object)

    def __init__(self, theme: Theme, empty: EmptyState) -> None:
        super().__init__()
        self._theme = theme
        self._history: StatsHistory | None = None
        self.span_s = 60
        self.graphs: GraphStack | None = None
        self.empty = empty
        self.spans = SpanButtons()
        self.spans.chosen.connect(self.set_span)
        self.spans.show_span(self.span_s)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(empty)
        self._timer = QTimer(self)
        self._timer.setInterval(_REDRAW_MS)
        self._timer.timeout.connect(self.draw)
        theme.changed.connect(self._on_theme_changed)

    def make_graphs(self) -> None:
        """Import pyqtgraph and build the graphs; called once, after the first paint."""
        if self.graphs is None:
            from slate_desktop.ui.graphs import GraphStack

            self.graphs = GraphStack(self._theme)
            self.graphs.set_span(self.span_s)
            self.graphs.moment_chosen.connect(self._on_moment_chosen)
            self._stack.addWidget(self.graphs)
            self._show()

    def set_history(self, history: StatsHistory | None) -> None:
        """Draw another session, or none."""
        self._history = history
        self._show()

    def set_span(self, span_s: int) -> None:
        """Show another span, one that has a button."""
        if span_s not in self.spans.buttons:
            return
        self.span_s = span_s
        self.spans.show_span(span_s)
        if self.graphs is not None:
            self.graphs.set_span(span_s)
        self.draw()

    def draw(self) -> None:
        """Draw what there is now."""
        if self.graphs is not None and self._history is not None and self.isVisible():
            self.graphs.draw(self._history.series(self.span_s), self._history.latest)

    def showEvent(self, event: object) -> None:
        """Draw while somebody looks."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._show()

    def hideEvent(self, event: object) -> None:
        """Stop drawing."""
        super().hideEvent(event)  # type: ignore[arg-type]
        self._timer.stop()

    def _show(self) -> None:
        if self.graphs is None or self._history is None:
            self._stack.setCurrentWidget(self.empty)
            self._timer.stop()
            return
        self._stack.setCurrentWidget(self.graphs)
        self.draw()
        if self.isVisible():
            self._timer.start()

    def _on_moment_chosen(self, time_s: float) -> None:
        self.moment_chosen.emit(time.time_ns() + round(time_s * 1e9))

    def _on_theme_changed(self) -> None:
        if self.graphs is not None:
            self.graphs.apply_theme()
            self.draw()
