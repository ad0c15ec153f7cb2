"""Paints one texture, or two that are compared: zoom, pan, grid, and the texel under the mouse.

What is in sight is cut out of the fitting level and shaded in a thread; until that is done the
last picture is moved and stretched, so that the view follows the hand.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QWidget

from slate_desktop.ui.documents.texture.comparing import CompareMode, panes
from slate_desktop.ui.documents.texture.ground import GRID_ZOOM, paint_grid, paint_ground
from slate_desktop.ui.documents.texture.levels import Levels
from slate_desktop.ui.documents.texture.pieces import Job, Picture, Sight, job_for, shade_all
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.pipeline.preview.shading import Look

_MIN_ZOOM, _MAX_ZOOM = 1 / 256, 256.0
_STEP = 1.25
_BLINK_MS = 600


class TextureView(QWidget):
    """Shows levels. ``hovered`` carries the texel under the mouse, or None."""

    hovered = Signal(object)
    zoom_changed = Signal(float)
    rendered = Signal()

    def __init__(
        self, theme: Theme, tasks: TaskGroupOwner, look: Look, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
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
        self._pictures: list[Picture] = []
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
                # Drivers send what the distance grew by; one step never turns it over.
                self.set_zoom(self.zoom * max(0.1, 1 + event.value()), event.position())
                event.accept()
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

    def _set_zoom(self, zoom: float) -> None:
        self.zoom = min(max(zoom, _MIN_ZOOM), _MAX_ZOOM)
        self.zoom_changed.emit(self.zoom)

    def _to_widget(self, area: QRectF, pane: QRect) -> QRectF:
        middle = QPointF(pane.center())
        corner = (area.topLeft() - self.centre) * self.zoom + middle
        return QRectF(corner.x(), corner.y(), area.width() * self.zoom, area.height() * self.zoom)

    def _paint_picture(self, painter: QPainter, pane: QRect, picture: Picture) -> None:
        target = self._to_widget(picture.area, pane)
        paint_ground(painter, target, self.ground)
        is_smaller = picture.image.width() > target.width() * 1.02
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, is_smaller)
        painter.drawImage(target, picture.image)
        if self.zoom >= GRID_ZOOM:
            origin = self._to_widget(QRectF(0, 0, 1, 1), pane).topLeft()
            paint_grid(painter, target, pane, origin, self.zoom)

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
                self._pictures = await asyncio.to_thread(shade_all, jobs, is_difference)
                self.update()
        finally:
            self._is_running = False
        self.rendered.emit()

    def _job(self, levels: Levels) -> Job:
        return job_for(
            levels,
            Sight(self.size(), self.centre, self.zoom, self.devicePixelRatioF()),
            self.look,
            mip=self.mip,
            is_tiled=self.is_tiled,
        )

    # -- panes -----------------------------------------------------------------------------

    def _panes(self) -> list[tuple[QRect, int]]:
        mode = self.mode if self.other is not None else None
        return panes(self.rect(), mode, self.wipe, is_second=self._is_second)

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
