"""The drawing of one graph: axes, curves, lines and marks, painted by itself.

What seldom changes (ground, axes, their labels) is a picture that is kept; once a second only the
curves are drawn anew. Knows no session, and takes no hand: that is ``graph``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from PySide6.QtCore import QByteArray, QDataStream, QEvent, QLineF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPixmap, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from slate_desktop.ui.monitor.axes import AXIS_WIDTH, time_ticks
from slate_desktop.ui.theme import Theme

_MIN_HEIGHT = 84
# Room right of now, and below zero and above the top: parts of the span, and of the top value.
_RIGHT, _BELOW, _ABOVE = 0.05, 0.08, 0.1
_LABEL_GAP, _EDGE = 5, 4
# A line that moves by less is level.
_LEVEL_PX = 0.25


class Look(NamedTuple):
    """How a curve looks: its colour's role, whether filled, whether faint."""

    role: str
    is_filled: bool
    is_faint: bool


_FlatPicture: TypeAlias = list[tuple[Look, int, int, int]]


class Plot(QWidget):
    """Values over seconds before the right edge; what is not a number is a gap.

    Attributes:
        top: the value near the upper edge.
        limit: where the line of a limit lies, None for none; ``mean`` the same.
        pointed_s: where the line of the pointer stands, None for none.
        shade: a span that is shaded, None for none.
        marks: the moments of thin lines.
        data: of each curve, in the order of ``looks``, its times and values.
    """

    def __init__(self, theme: Theme, format_value: Callable[[float], str]) -> None:
        super().__init__()
        self._theme, self._format = theme, format_value
        self._span_s, self._end_ns = 60.0, None
        self._ground: QPixmap | None = None
        self.top = 1.0
        self.limit: float | None = None
        self.mean: float | None = None
        self.pointed_s: float | None = None
        self.shade: tuple[float, float] | None = None
        self.marks: tuple[float, ...] = ()
        self.looks: list[Look] = []
        self.data: list[tuple[np.ndarray, np.ndarray]] = []
        self._flat: _FlatPicture | None = None
        self._area: QRect | None = None
        # The ground fills it: nothing below has to be painted first.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(_MIN_HEIGHT)
        self.setMouseTracking(True)

    # -- what is drawn ---------------------------------------------------------------------

    def set_span(self, span_s: float, end_ns: int | None) -> None:
        """Show a span of seconds that ends at a moment, or now for None."""
        if (span_s, end_ns) != (self._span_s, self._end_ns):
            self._span_s, self._end_ns = span_s, end_ns
            self.redraw()

    def set_top(self, top: float) -> None:
        """Fix the value near the upper edge."""
        if top != self.top:
            self.top = top
            self.redraw()

    def set_curves(self, looks: Sequence[Look], data: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Draw these curves: of each its look, its times and its values."""
        self.looks, self.data = list(looks), data
        flat = self._flat_picture()
        if flat is None or flat != self._flat:
            self._update_area()
        self._flat = flat

    def set_lines(self, *, limit: float | None = None, mean: float | None = None) -> None:
        """Draw the lines of a limit and of a mean."""
        old = self._places(self.limit, self.mean)
        self.limit, self.mean = limit, mean
        if self._places(limit, mean) != old:
            self._update_area()

    def set_pointed(self, time_s: float | None) -> None:
        """Draw a line at a moment, or none."""
        if time_s != self.pointed_s:
            self.pointed_s = time_s
            self._update_area()

    def set_shade(self, shade: tuple[float, float] | None) -> None:
        """Shade a span, or none."""
        if shade != self.shade:
            self.shade = shade
            self._update_area()

    def set_marks(self, times: Sequence[float]) -> None:
        """Draw a thin line at each moment."""
        if tuple(times) != self.marks:
            self.marks = tuple(times)
            self._update_area()

    def redraw(self) -> None:
        """Draw everything anew, as the theme or an axis has changed."""
        self._ground = None
        self.update()

    # -- places ----------------------------------------------------------------------------

    @property
    def area(self) -> QRect:
        """Where the curves are, in pixels."""
        if self._area is None:
            line = self.fontMetrics().height()
            self._area = QRect(
                AXIS_WIDTH,
                _EDGE,
                max(1, self.width() - AXIS_WIDTH),
                max(1, self.height() - line - _EDGE),
            )
        return self._area

    @property
    def seconds_per_pixel(self) -> float:
        """How much time a pixel is."""
        return self._span_s * (1 + _RIGHT) / self.area.width()

    def x_of(self, time_s: float) -> float:
        """Return where a moment is, in pixels."""
        return self.area.left() + (time_s + self._span_s) / self.seconds_per_pixel

    def y_of(self, value: float) -> float:
        """Return where a value is, in pixels."""
        area = self.area
        share = (value / self.top + _BELOW) / (1 + _BELOW + _ABOVE)
        return area.top() + area.height() * (1 - share)

    def time_at(self, x: float, y: float) -> float | None:
        """Return the moment at a place, now for one right of it, None outside of the area."""
        area = self.area
        if not QRectF(area).contains(x, y):
            return None
        return min(0.0, (x - area.left()) * self.seconds_per_pixel - self._span_s)

    # -- QWidget ---------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Return a size at which the labels have room."""
        return QSize(4 * AXIS_WIDTH, _MIN_HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw the axes anew."""
        super().resizeEvent(event)
        self._ground = self._area = None

    def changeEvent(self, event: QEvent) -> None:
        """Draw the axes anew in another font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._area = None
            self.redraw()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ground, then what moves."""
        ground = self._ground
        if ground is None or ground.devicePixelRatioF() != self.devicePixelRatioF():
            ground = self._ground = self._paint_ground()
        painter, tokens, area = QPainter(self), self._theme.tokens, self.area
        painter.drawPixmap(0, 0, ground)
        painter.setClipRect(area)
        if self.shade is not None:
            left, right = (self.x_of(time_s) for time_s in self.shade)
            place = QRectF(left, area.top(), right - left, area.height())
            painter.fillRect(place, tokens.color("accent.focus", 46))
            painter.setPen(tokens.color("accent.focus", 120))
            self._paint_moments(painter, self.shade)
        painter.setPen(tokens.color("text.faint", 90))
        self._paint_moments(painter, self.marks)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for look, (times, values) in zip(self.looks, self.data, strict=True):
            self._paint_curve(painter, look, times, values)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for value, role, style in (
            (self.limit, "graph.limit", Qt.PenStyle.DashLine),
            (self.mean, "text.muted", Qt.PenStyle.DotLine),
        ):
            if value is not None:
                y = round(self.y_of(value))
                painter.setPen(QPen(tokens.color(role), 1, style))
                painter.drawLine(area.left(), y, area.right(), y)
        if self.pointed_s is not None:
            painter.setPen(tokens.color("text.faint"))
            self._paint_moments(painter, (self.pointed_s,))
        painter.end()

    # -- private ---------------------------------------------------------------------------

    def _update_area(self) -> None:
        self.update(self.area)

    def _places(self, *values: float | None) -> list[int | None]:
        """Return where lines are drawn."""
        return [None if value is None else round(self.y_of(value)) for value in values]

    def _flat_picture(self) -> _FlatPicture | None:
        """Return what would be drawn where all curves are level, None where one is not.

        A level line looks the same a second later: what idles is not painted again.
        """
        picture: list[tuple[Look, int, int, int]] = []
        height = self.area.height() / self.top / (1 + _BELOW + _ABOVE)
        for look, (times, values) in zip(self.looks, self.data, strict=True):
            if not len(values):
                continue
            least, most = float(values.min()), float(values.max())
            # Not a number is no comparison's equal.
            if not (most - least) * height < _LEVEL_PX:
                return None
            ends = round(self.x_of(float(times[0]))), round(self.x_of(float(times[-1])))
            picture.append((look, *ends, round(self.y_of(most) / _LEVEL_PX)))
        return picture

    def _paint_moments(self, painter: QPainter, times: Sequence[float]) -> None:
        area = self.area
        for time_s in times:
            x = round(self.x_of(time_s))
            painter.drawLine(x, area.top(), x, area.bottom())

    def _paint_curve(
        self, painter: QPainter, look: Look, times: np.ndarray, values: np.ndarray
    ) -> None:
        color = self._theme.tokens.color(look.role, 110 if look.is_faint else 255)
        zero, top = self.y_of(0.0), self.y_of(self.top)
        xs = self.x_of(0.0) + times / self.seconds_per_pixel
        ys = zero + values * ((top - zero) / self.top)
        for begin, end in _runs(np.isfinite(values)):
            if end - begin < 2:
                continue
            line_xs, line_ys = xs[begin:end], ys[begin:end]
            if look.is_filled:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(self._theme.tokens.color(look.role, 38))
                corners = (line_xs[-1], line_xs[0]), (zero, zero)
                painter.drawPolygon(
                    _polygon(np.append(line_xs, corners[0]), np.append(line_ys, corners[1]))
                )
            painter.setPen(color)
            painter.drawPolyline(_polygon(line_xs, line_ys))

    def _paint_ground(self) -> QPixmap:
        tokens, area, ratio = self._theme.tokens, self.area, self.devicePixelRatioF()
        ground = QPixmap(self.size() * ratio)
        ground.setDevicePixelRatio(ratio)
        ground.fill(tokens.color("surface.panel"))
        painter = QPainter(ground)
        painter.setFont(self.font())
        painter.setPen(tokens.color("graph.grid"))
        painter.drawLines(
            [
                QLineF(area.left(), area.top(), area.left(), area.bottom()),
                QLineF(area.left(), area.bottom(), area.right(), area.bottom()),
            ]
        )
        line, middle = painter.fontMetrics().height(), self.y_of(self.top / 2)
        # Three values, where their labels do not touch one another.
        has_room = middle - self.y_of(self.top) >= line
        for value in (0.0, self.top / 2, self.top) if has_room else (self.top / 2,):
            y = round(self.y_of(value))
            painter.setPen(tokens.color("graph.grid", 71 if tokens.is_dark else 102))
            painter.drawLine(area.left(), y, area.right(), y)
            upper = min(max(0, y - line // 2), area.bottom() - line)
            painter.setPen(tokens.color("text.faint"))
            place = QRect(0, upper, AXIS_WIDTH - _LABEL_GAP, line)
            align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(place, align, self._format(value))
        for time_s, words in time_ticks(self._span_s, self._end_ns, area.width()):
            width = painter.fontMetrics().horizontalAdvance(words)
            left = round(self.x_of(time_s) - width / 2)
            if area.left() <= left and left + width <= area.right():
                place = QRect(left, self.height() - line, width + 1, line)
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
        painter.end()
        return ground


def _runs(is_there: np.ndarray) -> list[tuple[int, int]]:
    """Return where stretches without a gap begin and end."""
    if is_there.all():
        return [(0, len(is_there))]
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_there, [False]))))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def _polygon(xs: np.ndarray, ys: np.ndarray) -> QPolygonF:
    """Return points as Qt wants them; made one by one they take ten times as long.

    Source: https://doc.qt.io/qt-6/datastreamformat.html (QPolygon: quint32, then its points)
    """
    points = np.column_stack((xs, ys)).astype(">f8")
    stream = QDataStream(QByteArray(len(points).to_bytes(4, "big") + points.tobytes()))
    polygon = QPolygonF()
    stream >> polygon
    return polygon
