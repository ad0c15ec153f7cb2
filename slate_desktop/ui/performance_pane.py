"""The Performance pane: which sessions and which span are shown, and when they are drawn.

The graphs themselves are in ``monitor``, imported after the first paint because numpy is slow to
import. What has to be read from the database is asked for by ``history_wanted``.
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.monitor.spans import MAX_SPAN_S, MIN_SPAN_S, SpanButtons, View
from slate_desktop.ui.monitor.tools import Tools
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slate_desktop.control.stats_history import StatsHistory
    from slate_desktop.domain.marks import Mark
    from slate_desktop.ui.monitor.hosts import HostsView
    from slate_desktop.ui.monitor.stack import GraphStack, Shown

# Samples come once a second.
_REDRAW_MS = 1000
_ASK_MS = 250
# How often the stored part of a span that goes with the clock is read again.
_ASK_AGAIN_S = 15.0


class PerformancePane(QWidget):
    """Draws the histories of sessions once a second while somebody looks.

    ``moment_chosen`` gives the moment that was pressed, UTC nanoseconds since the epoch;
    ``history_wanted`` the span that is to be read, when live samples do not cover it;
    ``duty_wanted`` a host and what it is to do.
    """

    moment_chosen = Signal(object)
    history_wanted = Signal(object, object)
    compare_toggled = Signal(str, bool)
    save_wanted = Signal(str)
    duty_wanted = Signal(str, str)

    def __init__(self, theme: Theme, empty: EmptyState) -> None:
        super().__init__()
        self._theme = theme
        self._history: StatsHistory | None = None
        self._title = ""
        self._others: list[tuple[str, StatsHistory]] = []
        self._marks: Sequence[Mark] = ()
        self._shade: tuple[int, int] | None = None
        self._asked_at_s = 0.0
        self._drawn: object = None
        self._live_span_s = 60.0
        self.view = View()
        self.graphs: GraphStack | None = None
        self.empty = empty
        self.spans = SpanButtons()
        self.spans.chosen.connect(self.set_span)
        self.tools = Tools(theme)
        self._connect_tools()
        self._stack = QStackedWidget()
        self._stack.addWidget(empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tools)
        layout.addWidget(self._stack, 1)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Graphs of the session"))
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._timer = QTimer(self)
        self._timer.setInterval(_REDRAW_MS)
        # With the full second, as all that draws once a second: the window is then painted once.
        self._timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._timer.timeout.connect(self.draw)
        self._asking = QTimer(self)
        self._asking.setSingleShot(True)
        self._asking.setInterval(_ASK_MS)
        self._asking.timeout.connect(self._ask)
        theme.changed.connect(self._on_theme_changed)
        self.spans.show_span(60)
        self._show()

    @cached_property
    def hosts(self) -> HostsView:
        """The table of hosts, made when it is first looked at."""
        from slate_desktop.ui.monitor.hosts import HostsView

        hosts = HostsView(self._theme)
        hosts.duty_wanted.connect(self.duty_wanted)
        self._stack.addWidget(hosts)
        return hosts

    @property
    def span_s(self) -> float:
        """How many seconds the graphs show when they go with the clock."""
        return self._live_span_s

    @property
    def histories(self) -> list[StatsHistory]:
        """The histories that are drawn, the current session's first."""
        own = [self._history] if self._history is not None else []
        return own + [history for _, history in self._others]

    @property
    def end_ns(self) -> int:
        """The moment of the right edge (UTC nanoseconds)."""
        return self.view.end_ns if self.view.end_ns is not None else self._now()

    def make_graphs(self) -> None:
        """Import numpy and build the graphs; called once, after the first paint."""
        if self.graphs is None:
            from slate_desktop.ui.monitor.stack import GraphStack

            self.graphs = GraphStack(self._theme)
            self.graphs.moment_chosen.connect(self._on_moment_chosen)
            self.graphs.dragged.connect(lambda s: self.set_view(self.view.moved(s, self._now())))
            self.graphs.wheeled.connect(self._on_wheeled)
            self._stack.addWidget(self.graphs)
            self._show()

    def set_history(self, history: StatsHistory | None, title: str = "") -> None:
        """Draw another session, or none."""
        is_other = history is not self._history
        self._history, self._title = history, title
        if is_other:
            self._shade = None
            self.ask_soon()
        self._show()

    def set_others(self, others: Sequence[tuple[str, StatsHistory]]) -> None:
        """Draw these sessions (title and history), too."""
        if list(others) == self._others:
            return
        self._others = list(others)
        self.ask_soon()
        self._show()

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Mark what happened."""
        self._marks, self._drawn = marks, None
        self.draw()

    def show_span(self, start_ns: int | None, end_ns: int | None) -> None:
        """Shade the span of some moments, and bring it into sight; None for none."""
        self._shade = None if start_ns is None or end_ns is None else (start_ns, end_ns)
        if self._shade is not None and self._history is not None:
            now_ns = self._now()
            right_ns = self.view.end_ns if self.view.end_ns is not None else now_ns
            left_ns = right_ns - int(self.view.span_s * 1e9)
            if not left_ns <= self._shade[0] <= self._shade[1] <= right_ns:
                span_s = max(self.view.span_s, (self._shade[1] - self._shade[0]) / 1e9 * 1.2)
                middle_ns = (self._shade[0] + self._shade[1]) // 2
                end_ns = min(now_ns, middle_ns + int(span_s * 5e8))
                self.set_view(View(span_s=min(MAX_SPAN_S, span_s), end_ns=end_ns))
        self._drawn = None
        self.draw()

    def set_span(self, span_s: float) -> None:
        """Show the last so many seconds, going with the clock."""
        if MIN_SPAN_S <= span_s <= MAX_SPAN_S:
            self._live_span_s = span_s
            self.set_view(View(span_s=span_s))

    def set_view(self, view: View) -> None:
        """Show another span."""
        self.view = view
        if view.end_ns is None:
            self._live_span_s = view.span_s
        self.spans.show_span(view.span_s if view.end_ns is None else -1)
        self.tools.show_state(is_live=view.end_ns is None)
        self.ask_soon()
        self._drawn = None
        self.draw()

    def ask_soon(self) -> None:
        """Ask for the stored part of the span, once the hand has come to rest."""
        self._asking.start()

    def shown(self) -> list[Shown]:
        """Return what is drawn now."""
        from slate_desktop.ui.monitor.stack import Shown

        end_ns = self.end_ns
        named = [(self._title, self._history)] if self._history is not None else []
        return [
            Shown(title, history.series(self.view.span_s, end_ns=end_ns), history.latest)
            for title, history in [*named, *self._others]
        ]

    def draw(self) -> None:
        """Draw what there is now, unless it is drawn already."""
        if self.graphs is None or not self.histories or not self.isVisible():
            return
        if self._stack.currentWidget() is not self.graphs:
            return
        step_s = self._step_s()
        news = [(id(h), h.loads, int(h.revision / step_s)) for h in self.histories]
        state = (self.view, news, self._second(step_s))
        if state == self._drawn:
            return
        self._drawn = state
        end_ns = self.end_ns
        self.graphs.strip.set_marks(self._marks, end_ns)
        self.graphs.set_span(self.view.span_s, self.view.end_ns)
        shown = self.shown()
        self.graphs.draw(shown, end_ns)
        shade = self._shade
        if shade is not None:
            self.graphs.show_shade(((shade[0] - end_ns) / 1e9, (shade[1] - end_ns) / 1e9))
        else:
            self.graphs.show_shade(None)
        self.tools.words.setText(self._words(shown))
        if self.view.end_ns is None and time.monotonic() - self._asked_at_s > _ASK_AGAIN_S:
            self._ask()

    def showEvent(self, event: object) -> None:
        """Draw while somebody looks."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._drawn = None
        self._show()

    def hideEvent(self, event: object) -> None:
        """Stop drawing."""
        super().hideEvent(event)  # type: ignore[arg-type]
        self._timer.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrows, zoom with + and -, End goes back to now, Space stands still."""
        now_ns, step_s = self._now(), self.view.span_s / 4
        match event.key():
            case Qt.Key.Key_Left:
                self.set_view(self.view.moved(step_s, now_ns))
            case Qt.Key.Key_Right:
                self.set_view(self.view.moved(-step_s, now_ns))
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self._on_zoomed(2.0)
            case Qt.Key.Key_Minus:
                self._on_zoomed(-2.0)
            case Qt.Key.Key_End:
                self.set_span(self._live_span_s)
            case Qt.Key.Key_Space:
                self._on_paused(self.view.end_ns is None)
            case _:
                super().keyPressEvent(event)

    # -- private ---------------------------------------------------------------------------

    def _connect_tools(self) -> None:
        self.tools.paused.connect(self._on_paused)
        self.tools.live_wanted.connect(lambda: self.set_span(self._live_span_s))
        self.tools.zoomed.connect(self._on_zoomed)
        self.tools.compare_toggled.connect(self.compare_toggled)
        self.tools.save_wanted.connect(self.save_wanted)
        self.tools.hosts_toggled.connect(lambda _is_on: self._show())

    def _show(self) -> None:
        has_hosts = self.tools.hosts.isChecked()
        is_drawn = self.graphs is not None and bool(self.histories) and not has_hosts
        self.tools.show_graphs(is_drawn)
        if is_drawn and self.graphs is not None:
            self.tools.show_state(is_live=self.view.end_ns is None)
            self._stack.setCurrentWidget(self.graphs)
            self._drawn = None
            self.draw()
            if self.isVisible():
                self._timer.start()
            return
        self._stack.setCurrentWidget(self.hosts if has_hosts else self.empty)
        self._timer.stop()

    def _words(self, shown: list[Shown]) -> str:
        """Return mean and peak of the span, where one session is drawn."""
        from slate_desktop.domain.sizes import format_bytes
        from slate_desktop.ui.monitor.stack import summary

        if len(shown) != 1:
            return ""
        cpu = summary(shown[0], ("cpu_percent", "cpu_percent_max"), lambda v: f"{v:.1f} %")
        memory = summary(shown[0], ("memory_bytes", "memory_max_bytes"), format_bytes)
        if not cpu:
            return ""
        return self.tr("CPU {cpu}   ·   memory {memory}").format(cpu=cpu, memory=memory)

    def _now(self) -> int:
        return self._history.now_ns() if self._history is not None else time.time_ns()

    def _step_s(self) -> float:
        """Return how often the graphs have to move: by a pixel or so, and once a second at most."""
        return max(1.0, self.view.span_s / 400)

    def _second(self, step_s: float) -> int:
        return 0 if self.view.end_ns is not None else int(self._now() / 1e9 / step_s)

    def _ask(self) -> None:
        if not self.histories or not self.isVisible():
            return
        self._asked_at_s = time.monotonic()
        end_ns = self.end_ns
        self.history_wanted.emit(end_ns - int(self.view.span_s * 1e9), end_ns)

    def _on_paused(self, is_paused: bool) -> None:
        if is_paused:
            self.set_view(self.view.held(self._now()))
        else:
            self.set_span(self._live_span_s)

    def _on_zoomed(self, steps: float) -> None:
        middle = 0.0 if self.view.end_ns is None else -self.view.span_s / 2
        self.set_view(self.view.zoomed(steps, middle, self._now()))

    def _on_wheeled(self, steps: float, at_s: float) -> None:
        self.set_view(self.view.zoomed(steps, at_s, self._now()))

    def _on_moment_chosen(self, time_s: float) -> None:
        self.moment_chosen.emit(self.end_ns + round(time_s * 1e9))

    def _on_theme_changed(self) -> None:
        if self.graphs is not None:
            self.graphs.apply_theme()
            self._drawn = None
            self.draw()
