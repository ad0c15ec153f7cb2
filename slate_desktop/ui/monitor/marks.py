"""The strip of marks above the graphs: what happened, on the same time axis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from slate_desktop.domain.marks import Mark, MarkKind
from slate_desktop.translation import sentence
from slate_desktop.ui.monitor.axes import AXIS_WIDTH
from slate_desktop.ui.text import clean
from slate_desktop.ui.theme import Theme

_HEIGHT = 16
_RIGHT_MARGIN = 8
_NEAR_PX = 6
_ROLES = {
    MarkKind.START: "state.ok",
    MarkKind.STOP: "state.idle",
    MarkKind.RESTART: "state.busy",
    MarkKind.FAILED: "state.error",
    MarkKind.OOM: "state.error",
    MarkKind.ERRORS: "level.error",
    MarkKind.BUILD: "graph.down",
    MarkKind.ASSET: "graph.up",
    MarkKind.ALERT: "state.warn",
}


class MarkStrip(QWidget):
    """Draws a sign for each mark; hovering says what it is, a press leads to its moment."""

    chosen = Signal(float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._span_s = 60.0
        self._end_ns = 0
        self.marks: Sequence[Mark] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        # Its marks move every second: what is below it need not be painted as often.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(self.tr("What happened"))

    @property
    def times(self) -> list[float]:
        """The moments of the marks in seconds before the right edge, those that are in sight."""
        found = [(mark.at_ns - self._end_ns) / 1e9 for mark in self.marks]
        return [time_s for time_s in found if -self._span_s <= time_s <= 0]

    def sizeHint(self) -> QSize:
        """Return the strip's size: one row of signs."""
        return QSize(100, _HEIGHT)

    def set_span(self, span_s: float) -> None:
        """Show a span of seconds."""
        if span_s != self._span_s:
            self._span_s = span_s
            self.update()

    def set_marks(self, marks: Sequence[Mark], end_ns: int) -> None:
        """Show marks, with the moment of the right edge."""
        self.marks, self._end_ns = marks, end_ns
        self.setVisible(bool(marks))
        self.update()

    def place_of(self, mark: Mark) -> float:
        """Return where a mark stands, in pixels from the left."""
        width = self.width() - AXIS_WIDTH - _RIGHT_MARGIN
        seconds = (mark.at_ns - self._end_ns) / 1e9
        return AXIS_WIDTH + width * (seconds + self._span_s) / (self._span_s * 1.05)

    def marks_at(self, x: float) -> list[Mark]:
        """Return the marks under the pointer."""
        return [mark for mark in self.marks if abs(self.place_of(mark) - x) <= _NEAR_PX]

    def words_at(self, x: float) -> str:
        """Return what the marks under the pointer say, a line each."""
        lines: list[str] = []
        for mark in self.marks_at(x)[:12]:
            moment = datetime.fromtimestamp(mark.at_ns / 1e9, UTC).astimezone()
            lines.append(f"{moment:%d %b %H:%M:%S}  {clean(sentence(mark.words))}")
        return "\n".join(lines)

    def event(self, event: QEvent) -> bool:
        """Say what a mark is."""
        if isinstance(event, QHelpEvent):
            words = self.words_at(event.pos().x())
            if words:
                # Text with a tag would be shown as rich text.
                QToolTip.showText(event.globalPos(), words.replace("<", "‹"), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show that a mark can be pressed."""
        is_over = bool(self.marks_at(event.position().x()))
        cursor = Qt.CursorShape.PointingHandCursor if is_over else Qt.CursorShape.ArrowCursor
        self.setCursor(cursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the moment of the nearest mark."""
        x = event.position().x()
        found = self.marks_at(x)
        if found and event.button() == Qt.MouseButton.LeftButton:
            nearest = min(found, key=lambda mark: abs(self.place_of(mark) - x))
            self.chosen.emit((nearest.at_ns - self._end_ns) / 1e9)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw a sign for each mark: its shape tells the kind, too, not the colour alone."""
        painter, tokens = QPainter(self), self._theme.tokens
        painter.fillRect(self.rect(), tokens.color("surface.panel"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for mark in self.marks:
            x = self.place_of(mark)
            if AXIS_WIDTH - 1 <= x <= self.width():
                painter.setBrush(tokens.color(_ROLES[mark.kind]))
                _paint_sign(painter, mark.kind, x, self.height() / 2)
        painter.end()


def _paint_sign(painter: QPainter, kind: MarkKind, x: float, y: float) -> None:
    if kind in (MarkKind.START, MarkKind.RESTART):
        points = [QPointF(x - 3.5, y - 5), QPointF(x + 5, y), QPointF(x - 3.5, y + 5)]
    elif kind is MarkKind.STOP:
        painter.drawRect(QRectF(x - 4, y - 4, 8, 8))
        return
    elif kind in (MarkKind.FAILED, MarkKind.OOM, MarkKind.ERRORS, MarkKind.ALERT):
        points = [QPointF(x, y - 5), QPointF(x + 5, y + 5), QPointF(x - 5, y + 5)]
    elif kind is MarkKind.BUILD:
        points = [QPointF(x, y - 5), QPointF(x + 5, y), QPointF(x, y + 5), QPointF(x - 5, y)]
    else:
        painter.drawEllipse(QPointF(x, y), 4, 4)
        return
    painter.drawPolygon(QPolygonF(points))
