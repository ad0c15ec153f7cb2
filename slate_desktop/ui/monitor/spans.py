"""Which span of time the graphs show: how long, and whether it goes with the clock."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QToolButton, QWidget

from slate_desktop.ui.flow import FlowLayout

MIN_SPAN_S, MAX_SPAN_S = 10.0, 30 * 86_400.0
_ZOOM_STEP = 1.25


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A span of seconds that ends at a moment (UTC nanoseconds), or goes with the clock (None)."""

    span_s: float = 60.0
    end_ns: int | None = None

    def held(self, now_ns: int) -> View:
        """Return the same span standing still."""
        return self if self.end_ns is not None else View(span_s=self.span_s, end_ns=now_ns)

    def moved(self, seconds: float, now_ns: int) -> View:
        """Return the span moved into the past, or back but never beyond now."""
        end_ns = self.end_ns if self.end_ns is not None else now_ns
        oldest = now_ns - int((MAX_SPAN_S - self.span_s) * 1e9)
        return View(
            span_s=self.span_s, end_ns=max(oldest, min(now_ns, end_ns - int(seconds * 1e9)))
        )

    def zoomed(self, steps: float, at_s: float, now_ns: int) -> View:
        """Return the span zoomed in (positive steps) so that a moment keeps its place.

        ``at_s`` is in seconds before the right edge, from ``-span_s`` to 0. At the right edge a
        span that goes with the clock goes on with it.
        """
        span_s = max(MIN_SPAN_S, min(MAX_SPAN_S, self.span_s / _ZOOM_STEP**steps))
        if self.end_ns is None and at_s > -self.span_s * 0.02:
            return View(span_s=span_s)
        end_ns = self.end_ns if self.end_ns is not None else now_ns
        moved_s = at_s * (1 - span_s / self.span_s)
        return View(span_s=span_s, end_ns=min(now_ns, end_ns + int(moved_s * 1e9)))


class SpanButtons(QWidget):
    """1 min to 30 d."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        self.buttons: dict[int, QToolButton] = {}
        layout = FlowLayout(self, spacing=3)
        layout.setContentsMargins(10, 3, 8, 3)
        for span_s, text in (
            (60, self.tr("1 min")),
            (300, self.tr("5 min")),
            (3600, self.tr("1 h")),
            (6 * 3600, self.tr("6 h")),
            (86_400, self.tr("1 d")),
            (7 * 86_400, self.tr("7 d")),
            (30 * 86_400, self.tr("30 d")),
        ):
            button = QToolButton(self)
            button.setObjectName("chip")
            button.setText(text)
            button.setCheckable(True)
            button.setAccessibleName(self.tr("Show the last {span}").format(span=text))
            button.clicked.connect(self._teller(span_s))
            self._group.addButton(button)
            self.buttons[span_s] = button
            layout.addWidget(button)

    def show_span(self, span_s: float) -> None:
        """Press the button of a span; none where it has none."""
        self._group.setExclusive(False)
        for own_s, button in self.buttons.items():
            button.setChecked(own_s == span_s)
        self._group.setExclusive(True)

    def _teller(self, span_s: int) -> Callable[[], None]:
        return lambda: self.chosen.emit(span_s)
