"""The strip beside the log: where in the whole session warnings, errors and matches lie.

Owns no line: it is given counts by bucket and the numbers of the lines found, and says where it was
clicked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from slate_desktop.domain.logs import LogLevel
from slate_desktop.translation import plural
from slate_desktop.ui.theme import Theme

BUCKETS = 256
_WIDTH = 12
_MARK = 2
# Lines that are drawn one by one; of more, every n-th.
_MAX_MARKS = 2_000


class DensityStrip(QWidget):
    """Emits ``clicked`` with the share of the log, 0 to 1."""

    clicked = Signal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.counts: Mapping[LogLevel, Mapping[int, int]] = {}
        self.hits: Sequence[int] = ()
        self._first, self._last = 1, 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Errors and warnings over the whole log"))

    def sizeHint(self) -> QSize:
        """A narrow column."""
        return QSize(_WIDTH, 60)

    def show_counts(self, counts: Mapping[LogLevel, Mapping[int, int]]) -> None:
        """Show how many lines of each level lie in each of ``BUCKETS`` equal parts."""
        self.counts = counts
        self.update()

    def show_hits(self, hits: Sequence[int], first: int, last: int) -> None:
        """Show where lines lie that a search found, in a log from ``first`` to ``last``."""
        self.hits, self._first, self._last = hits, first, last
        self.update()

    def count_at(self, y: float, level: LogLevel) -> int:
        """Return how many lines of a level lie at a height of the strip."""
        bucket = min(BUCKETS - 1, max(0, int(y / max(1, self.height()) * BUCKETS)))
        return self.counts.get(level, {}).get(bucket, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint warnings, errors over them, and what was found at the left edge."""
        tokens = self._theme.tokens
        painter = QPainter(self)
        painter.fillRect(self.rect(), tokens.color("surface.input"))
        step = self.height() / BUCKETS
        for level in (LogLevel.WARN, LogLevel.ERROR):
            buckets = self.counts.get(level, {})
            most = max(buckets.values(), default=1)
            color = tokens.color(f"level.{level.value}")
            for bucket, count in buckets.items():
                # One error must be seen beside a thousand.
                width = max(3, round((_WIDTH - 3) * (count / most) ** 0.5))
                top = int(bucket * step)
                painter.fillRect(_WIDTH - width, top, width, max(_MARK, round(step)), color)
        span = self._last - self._first + 1
        if span > 0:
            every = max(1, len(self.hits) // _MAX_MARKS)
            color = tokens.color("mark.search_current")
            for seq in self.hits[::every]:
                top = int((seq - self._first) / span * self.height())
                painter.fillRect(0, top, 4, _MARK, color)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to that place."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self._share(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag through the log, or say what lies under the pointer."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.clicked.emit(self._share(event))
            return
        y = event.position().y()
        errors, warnings = self.count_at(y, LogLevel.ERROR), self.count_at(y, LogLevel.WARN)
        if errors or warnings:
            parts = [
                plural("{count:,} error", "{count:,} errors", errors) if errors else "",
                plural("{count:,} warning", "{count:,} warnings", warnings) if warnings else "",
            ]
            text = self.tr("Here: {what}").format(what=", ".join(filter(None, parts)))
            QToolTip.showText(event.globalPosition().toPoint(), text, self)
        else:
            QToolTip.hideText()

    def _share(self, event: QMouseEvent) -> float:
        return min(1.0, max(0.0, event.position().y() / max(1, self.height())))
