"""Paints one texture, or two that are compared: zoom, pan, grid, and the texel under the mouse.

What is in sight is cut out of the fitting level and shaded in a thread; until that is done the
last picture is moved and stretched, so that the view follows the hand.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QWidget

from slate_desktop.ui.documents.texture.levels import Levels
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.pipeline.preview.shading import Look

_MIN_ZOOM, _MAX_ZOOM = 1 / 256, 256.0
_GRID_ZOOM = 8.0
_STEP = 1.25
_BLINK_MS = 600
_DIFFERENCE_GAIN = 8.0
GROUNDS = ("checker", "black", "grey", "white")


class CompareMode(Enum):
    """How two textures are shown."""

    WIPE = "wipe"
    SIDE = "side"
    BLINK = "blink"
    DIFFERENCE = "difference"


@dataclass(frozen=True)
class _Picture:
    """A shaded piece: the image, and where it lies in texels of the texture."""

    image: QImage
    area: QRectF


class TextureView(QWidget):
    """Shows levels. ``hovered`` carries the texel under the mouse, or None."""

    hovered = Signal(object)
    zoom_changed = Signal(float)
    rendered = Signal()

    def __init__(self, theme: Theme, tasks: TaskGroupOwner, look: Look) -> None:
        super().__init__()
        self._theme, self._tasks = theme, tasks
        self.levels: Levels | None = None
        self.other: Levels | None = None
        self.look = look
        self.mode = CompareMode.WIPE
        self.ground = "checker"
        self.is_tiled = False
        self.mip: int | None = None
        self.zoom = 1.0
        self.centre = QPointF(0, 0)
        self.wipe = 0.5
        self._is_fitted = True
        self._is_second = False
        self._drag: QPointF | None = None
        self._is_wiping = False
        self._pictures: list[_Picture] = []
        self._is_running = self._is_stale = False
        self._blink = QTimer(self)
        self._blink.setInterval(_BLINK_MS)
        self._blink.timeout.connect(self._on_blink)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 90)
        self.setAccessibleName(self.tr("Texture"))
        self.grabGesture(Qt.GestureType.PinchGesture)
        theme.changed.connect(self.update)

    # -- what is shown ---------------------------------------------------------------------

    def set_levels(self, levels: Levels) -> None:
        """Show a texture; the place stays where the size stays."""
        old = self.levels
        self.levels = levels
        if old is None or (old.width, old.height) != (levels.width, levels.height):
            self.fit()
        self.refresh()

    def set_other(self, levels: Levels | None, mode: CompareMode) -> None:
        """Show a second texture beside, or none."""
        self.other, self.mode = levels, mode
        self._is_second = False
        if levels is not None and mode is CompareMode.BLINK:
            self._blink.start()
        else:
            self._blink.stop()
        self.refresh()

    def set_look(self, look: Look) -> None:
        """Shade in another way."""
        self.look = look
        self.refresh()

    def set_ground(self, ground: str) -> None:
        """Choose what is behind transparent texels, one of ``GROUNDS``."""
        self.ground = ground
        self.update()

    def set_tiled(self, is_on: bool) -> None:
        """Repeat the texture, to see its seams."""
        self.is_tiled = is_on
        self.refresh()

    def set_mip(self, mip: int | None) -> None:
        """Show one level, None for the one that fits the zoom."""
        self.mip = mip
        self.refresh()

    # -- where it is looked at -------------------------------------------------------------

    def fit(self) -> None:
        """Show all of it, never larger than it is unless it is tiny."""
        if self.levels is None:
            return
        self._is_fitted = True
        area = self._pane().size()
        across = area.width() / self.levels.width
        down = area.height() / self.levels.height
        largest = 1.0 if max(self.levels.width, self.levels.height) > 64 else 32.0
        self.centre = QPointF(self.levels.width / 2, self.levels.height / 2)
        self._set_zoom(min(across, down, largest))

    def set_zoom(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom to ``zoom`` screen pixels a texel, keeping the texel at a place of the widget."""
        self._is_fitted = False
        at = at if at is not None else QPointF(self._pane().center())
        fixed = self.to_texel(at)
        self._set_zoom(zoom)
        moved = self.to_texel(at)
        self.centre += fixed - moved
        self.refresh()

    def step_zoom(self, direction: int, at: QPointF | None = None) -> None:
        """Zoom in (1) or out (-1) by a step."""
        self.set_zoom(self.zoom * (_STEP if direction > 0 else 1 / _STEP), at)

    def pan(self, dx: float, dy: float) -> None:
        """Move by screen pixels."""
        self._is_fitted = False
        self.centre -= QPointF(dx, dy) / self.zoom
        self.refresh()

    def to_texel(self, point: QPointF) -> QPointF:
        """Return the place in the texture under a place of the widget."""
        pane = self._pane_at(point)
        return (point - QPointF(pane.center())) / self.zoom + self.centre

    # -- Qt --------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Prefer some room."""
        return QSize(640, 480)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep fitting."""
        super().resizeEvent(event)
        if self._is_fitted:
            self.fit()
        self.refresh()

    def event(self, event: QEvent) -> bool:
        """Take pinches of touch screens and touch pads."""
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self.set_zoom(self.zoom * (1 + event.value()), event.position())
                return True
        elif isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                at = QPointF(self.mapFromGlobal(pinch.centerPoint().toPoint()))
                self.set_zoom(self.zoom * pinch.scaleFactor(), at)
                return True
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the mouse; Shift moves sideways, Ctrl up and down."""
        delta = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.pan(delta.y() or delta.x(), 0)
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.pan(0, delta.y())
        elif delta.y():
            self.set_zoom(self.zoom * _STEP ** (delta.y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to move the texture or the wipe's edge."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._drag = event.position()
            edge = self.wipe * self.width()
            is_near = abs(event.position().x() - edge) < 8
            self._is_wiping = self._has_wipe and is_near

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what was taken hold of, and tell the texel."""
        point = event.position()
        if self._is_wiping:
            self.set_wipe(point.x() / max(1, self.width()))
        elif self._drag is not None:
            step = point - self._drag
            self._drag = point
            self.pan(step.x(), step.y())
        self._tell(point)
        near_edge = self._has_wipe and abs(point.x() - self.wipe * self.width()) < 8
        shape = Qt.CursorShape.SplitHCursor if near_edge else Qt.CursorShape.CrossCursor
        self.setCursor(shape)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._drag, self._is_wiping = None, False

    def leaveEvent(self, event: QEvent) -> None:
        """No texel any more."""
        self.hovered.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move and zoom with the keys."""
        step = 200 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 40
        key = event.key()
        moves = {
            Qt.Key.Key_Left: (step, 0),
            Qt.Key.Key_Right: (-step, 0),
            Qt.Key.Key_Up: (0, step),
            Qt.Key.Key_Down: (0, -step),
        }
        if key in moves:
            self.pan(*moves[Qt.Key(key)])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.step_zoom(1)
        elif key == Qt.Key.Key_Minus:
            self.step_zoom(-1)
        elif key in (Qt.Key.Key_0, Qt.Key.Key_F):
            self.fit()
            self.refresh()
        elif key == Qt.Key.Key_1:
            self.set_zoom(1.0)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the pictures where they belong now."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.tokens.color("surface.window"))
        if self.levels is None:
            return
        for number, (pane, index) in enumerate(self._panes()):
            if index < len(self._pictures):
                painter.save()
                painter.setClipRect(pane)
                self._paint_picture(painter, self._pane_of(index), self._pictures[index])
                painter.restore()
            if number and self.mode is not CompareMode.BLINK:
                painter.setPen(QPen(self._theme.tokens.color("accent.text"), 2))
                painter.drawLine(pane.left(), 0, pane.left(), self.height())

    # -- private ---------------------------------------------------------------------------

    @property
    def _has_wipe(self) -> bool:
        return self.other is not None and self.mode is CompareMode.WIPE

    def set_wipe(self, share: float) -> None:
        """Move the edge between the two textures, 0 left to 1 right."""
        self.wipe = min(max(share, 0.0), 1.0)
        self.update()

    def _panes(self) -> list[tuple[QRect, int]]:
        """Return the pieces of the widget and which picture is in them."""
        whole = self.rect()
        if self.other is None or self.mode is CompareMode.DIFFERENCE:
            return [(whole, 0)]
        if self.mode is CompareMode.BLINK:
            return [(whole, 1 if self._is_second else 0)]
        share = self.wipe if self.mode is CompareMode.WIPE else 0.5
        edge = round(whole.width() * share)
        left = QRect(0, 0, edge, whole.height())
        return [(left, 0), (QRect(edge, 0, whole.width() - edge, whole.height()), 1)]

    def _pane_of(self, index: int) -> QRect:
        """Return the piece in whose middle the centre is shown."""
        if self.other is not None and self.mode is CompareMode.SIDE:
            return self._panes()[index][0]
        return self.rect()

    def _pane(self) -> QRect:
        return self._pane_of(0)

    def _pane_at(self, point: QPointF) -> QRect:
        is_right = point.x() >= self.width() / 2
        return self._pane_of(1 if is_right and self.mode is CompareMode.SIDE else 0)

    def _set_zoom(self, zoom: float) -> None:
        self.zoom = min(max(zoom, _MIN_ZOOM), _MAX_ZOOM)
        self.zoom_changed.emit(self.zoom)

    def _to_widget(self, area: QRectF, pane: QRect) -> QRectF:
        middle = QPointF(pane.center())
        corner = (area.topLeft() - self.centre) * self.zoom + middle
        return QRectF(corner.x(), corner.y(), area.width() * self.zoom, area.height() * self.zoom)

    def _paint_picture(self, painter: QPainter, pane: QRect, picture: _Picture) -> None:
        target = self._to_widget(picture.area, pane)
        self._paint_ground(painter, target)
        is_smaller = picture.image.width() > target.width() * 1.02
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, is_smaller)
        painter.drawImage(target, picture.image)
        if self.zoom >= _GRID_ZOOM:
            self._paint_grid(painter, target, pane)

    def _paint_ground(self, painter: QPainter, target: QRectF) -> None:
        if self.ground == "checker":
            painter.fillRect(target, QBrush(_checker()))
        else:
            level = {"black": 0, "grey": 119, "white": 255}[self.ground]
            painter.fillRect(target, QColor(level, level, level))

    def _paint_grid(self, painter: QPainter, target: QRectF, pane: QRect) -> None:
        painter.setPen(QPen(QColor(128, 128, 128, 110), 1))
        seen = target.intersected(QRectF(pane))
        first = self.to_texel(seen.topLeft()) if pane == self._pane_at(seen.topLeft()) else None
        origin = self._to_widget(QRectF(0, 0, 1, 1), pane).topLeft()
        del first
        x = origin.x() + self.zoom * _ceil((seen.left() - origin.x()) / self.zoom)
        while x <= seen.right():
            painter.drawLine(QPointF(x, seen.top()), QPointF(x, seen.bottom()))
            x += self.zoom
        y = origin.y() + self.zoom * _ceil((seen.top() - origin.y()) / self.zoom)
        while y <= seen.bottom():
            painter.drawLine(QPointF(seen.left(), y), QPointF(seen.right(), y))
            y += self.zoom

    def _on_blink(self) -> None:
        self._is_second = not self._is_second
        self.update()

    def _tell(self, point: QPointF) -> None:
        levels = self.levels
        if levels is None:
            return
        place = self.to_texel(point)
        x, y = int(place.x() // 1), int(place.y() // 1)
        if self.is_tiled:
            x, y = x % levels.width, y % levels.height
        if not (0 <= x < levels.width and 0 <= y < levels.height):
            self.hovered.emit(None)
            return
        index = self.mip or 0
        shown = levels.texel(x, y, min(index, len(levels.arrays) - 1))
        self.hovered.emit((x, y, shown))

    # -- shading ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Shade what is in sight anew, and show the old picture until then."""
        self.update()
        if self.levels is None:
            return
        self._is_stale = True
        if not self._is_running:
            self._is_running = True
            self._tasks.spawn(self._render(), "shade texture", self)

    async def _render(self) -> None:
        try:
            while self._is_stale and self.levels is not None:
                self._is_stale = False
                jobs = [self._job(self.levels)]
                if self.other is not None:
                    jobs.append(self._job(self.other))
                is_difference = self.other is not None and self.mode is CompareMode.DIFFERENCE
                self._pictures = await asyncio.to_thread(_shade_all, jobs, is_difference)
                self.update()
        finally:
            self._is_running = False
        self.rendered.emit()

    def _job(self, levels: Levels) -> _Job:
        ratio = self.devicePixelRatioF()
        index = levels.level_for(self.zoom * ratio) if self.mip is None else self.mip
        index = min(index, len(levels.arrays) - 1)
        across, down = levels.scale_of(index)
        half_width = self.width() / self.zoom * 0.6
        half_height = self.height() / self.zoom * 0.6
        left = int((self.centre.x() - half_width) // across)
        top = int((self.centre.y() - half_height) // down)
        right = _ceil((self.centre.x() + half_width) / across)
        bottom = _ceil((self.centre.y() + half_height) / down)
        if not self.is_tiled:
            height, width = levels.arrays[index].shape[:2]
            left, top = max(0, min(left, width - 1)), max(0, min(top, height - 1))
            right, bottom = max(left + 1, min(right, width)), max(top + 1, min(bottom, height))
        area = QRectF(left * across, top * down, (right - left) * across, (bottom - top) * down)
        size = QSize(
            max(1, round(area.width() * self.zoom * ratio)),
            max(1, round(area.height() * self.zoom * ratio)),
        )
        return _Job(
            levels, index, QRect(left, top, right - left, bottom - top), area, size, self.look,
            self.is_tiled,
        )  # fmt: skip


@dataclass(frozen=True)
class _Job:
    levels: Levels
    index: int
    piece: QRect
    area: QRectF
    size: QSize
    look: Look
    is_tiled: bool


def _shade_all(jobs: list[_Job], is_difference: bool) -> list[_Picture]:
    """Cut out and shade; runs in a thread, touches no widget."""
    from slate_desktop.pipeline.preview import shading

    shaded = []
    for job in jobs:
        level, piece = job.levels.arrays[job.index], job.piece
        texels = shading.cut(
            level, piece.x(), piece.y(), piece.width(), piece.height(), is_tiled=job.is_tiled
        )
        shaded.append(shading.shade(texels, job.look))
    if is_difference and len(shaded) == 2 and shaded[0].shape == shaded[1].shape:
        shaded = [shading.difference(shaded[0], shaded[1], _DIFFERENCE_GAIN)]
    return [_picture(pixels, job) for pixels, job in zip(shaded, jobs, strict=False)]


def _picture(pixels: object, job: _Job) -> _Picture:
    import numpy as np

    data = np.ascontiguousarray(pixels)
    height, width = data.shape[:2]
    image = QImage(data.data, width, height, width * 4, QImage.Format.Format_RGBA8888)
    image = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    if job.size.width() < width and job.size.height() < height:
        image = image.scaled(
            job.size,
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    return _Picture(image, job.area)


def _checker() -> QPixmap:
    pixmap = QPixmap(16, 16)
    pixmap.fill(QColor(200, 200, 200))
    painter = QPainter(pixmap)
    for corner in ((0, 0), (8, 8)):
        painter.fillRect(*corner, 8, 8, QColor(150, 150, 150))
    painter.end()
    return pixmap


def _ceil(value: float) -> int:
    return -int(-value // 1)
