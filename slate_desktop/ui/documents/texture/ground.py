"""What is behind transparent texels, and the grid between large ones."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPixmap

GROUNDS = ("checker", "black", "grey", "white")
GRID_ZOOM = 8.0
_LEVELS = {"black": 0, "grey": 119, "white": 255}
_GRID = QColor(128, 128, 128, 110)
_CHECKER, _LIGHT, _DARK = 8, QColor(200, 200, 200), QColor(150, 150, 150)


def paint_ground(painter: QPainter, target: QRectF, ground: str) -> None:
    """Fill the place of a texture with one of ``GROUNDS``."""
    if ground == "checker":
        painter.fillRect(target, QBrush(_checker()))
    else:
        level = _LEVELS[ground]
        painter.fillRect(target, QColor(level, level, level))


def paint_grid(
    painter: QPainter, target: QRectF, pane: QRect, origin: QPointF, zoom: float
) -> None:
    """Draw the lines between texels.

    Args:
        painter: of the widget.
        target: the place of the texture.
        pane: what of it is in sight.
        origin: the place of the first texel's corner.
        zoom: pixels for each texel.
    """
    painter.setPen(QPen(_GRID, 1))
    seen = target.intersected(QRectF(pane))
    x = origin.x() + zoom * ceil((seen.left() - origin.x()) / zoom)
    while x <= seen.right():
        painter.drawLine(QPointF(x, seen.top()), QPointF(x, seen.bottom()))
        x += zoom
    y = origin.y() + zoom * ceil((seen.top() - origin.y()) / zoom)
    while y <= seen.bottom():
        painter.drawLine(QPointF(seen.left(), y), QPointF(seen.right(), y))
        y += zoom


def ceil(value: float) -> int:
    """Return the least whole number that is not smaller."""
    return -int(-value // 1)


def _checker() -> QPixmap:
    pixmap = QPixmap(2 * _CHECKER, 2 * _CHECKER)
    pixmap.fill(_LIGHT)
    painter = QPainter(pixmap)
    painter.setPen(Qt.PenStyle.NoPen)
    for corner in ((0, 0), (_CHECKER, _CHECKER)):
        painter.fillRect(*corner, _CHECKER, _CHECKER, _DARK)
    painter.end()
    return pixmap
