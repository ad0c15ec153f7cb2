"""Signs in the gutter beside a line: a person's mark, and an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF

if TYPE_CHECKING:
    from slate_desktop.control.console import LogRow

_AGENT_STREAM = "slate"


def is_alert(row: LogRow) -> bool:
    """Tell whether a line is the agent's note of an alert."""
    return row.stream == _AGENT_STREAM and "alert" in row.metadata


def paint_mark(painter: QPainter, left: float, top: float, height: int, color: QColor) -> None:
    """Paint a person's mark at the left edge of a line."""
    size = min(9.0, height - 4.0)
    _begin(painter, color)
    painter.drawRoundedRect(QRectF(left, top + (height - size) / 2, size, size), 2, 2)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def paint_alert(painter: QPainter, left: float, top: float, height: int, color: QColor) -> None:
    """Paint the sign that stands for an alert in the graphs, too."""
    size = min(10.0, height - 4.0)
    y = top + (height - size) / 2
    _begin(painter, color)
    corners = [QPointF(left + size / 2, y), QPointF(left + size, y + size), QPointF(left, y + size)]
    painter.drawPolygon(QPolygonF(corners))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _begin(painter: QPainter, color: QColor) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
