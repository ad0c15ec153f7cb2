"""The UV layout of a model, drawn once in a thread for the size that it is looked at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.pipeline.preview.planes import Array

_MARGIN = 14


class UvView(QWidget):
    """Triangles in the unit square, with v up as glTF has it down."""

    def __init__(self, theme: Theme, tasks: TaskGroupOwner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._tasks = theme, tasks
        self._layout: Array | None = None
        self._picture: QImage | None = None
        self._is_running = self._is_stale = False
        self.setMinimumSize(200, 160)
        self.setAccessibleName(self.tr("UV layout"))
        theme.changed.connect(self._refresh)

    def set_layout(self, layout: Array | None) -> None:
        """Show triangles: (n, 3, 2) float32, None for nothing."""
        self._layout, self._picture = layout, None
        self._refresh()

    @property
    def is_drawn(self) -> bool:
        """Whether the layout is on the screen."""
        return self._picture is not None

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(320, 320)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw in the new size."""
        super().resizeEvent(event)
        self._refresh()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture."""
        painter = QPainter(self)
        painter.fillRect(event.rect(), self._theme.tokens.color("surface.input"))
        if self._picture is not None:
            place = self._square()
            painter.drawImage(place, self._picture)
            painter.setPen(QPen(self._theme.tokens.color("surface.border_strong"), 1))
            painter.drawRect(place)

    def _square(self) -> QRectF:
        side = min(self.width(), self.height()) - 2 * _MARGIN
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _refresh(self) -> None:
        self.update()
        self._is_stale = self._layout is not None
        if self._is_stale and not self._is_running:
            self._is_running = True
            self._tasks.spawn(self._draw(), "draw UVs", self)

    async def _draw(self) -> None:
        try:
            while self._is_stale and self._layout is not None:
                self._is_stale = False
                side = max(64, int(self._square().width() * self.devicePixelRatioF()))
                color = self._theme.tokens.color("accent.text", 150)
                self._picture = await asyncio.to_thread(_draw, self._layout, side, color)
                self.update()
        finally:
            self._is_running = False


def _draw(layout: Array, side: int, color: QColor) -> QImage:
    """Draw the edges; runs in a thread."""
    import numpy as np

    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setPen(QPen(color, 1))
    corners = np.clip(layout, -8, 9) * side
    ends = np.stack((corners, np.roll(corners, -1, axis=1)), axis=2).reshape(-1, 4)
    for start in range(0, len(ends), 4096):
        lines = [
            QLineF(QPointF(a, b), QPointF(c, d))
            for a, b, c, d in ends[start : start + 4096].tolist()
        ]
        painter.drawLines(lines)
    painter.end()
    return image
