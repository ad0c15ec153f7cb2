"""Shows the frames of a drawing process, and turns the hand's moves into cameras.

Left drag turns, middle or Shift drag moves, the wheel comes nearer, W A S D E Q fly while the right
button is down. While something moves, frames are smaller, so that they come quicker.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from slate_desktop.errors import AssetError
from slate_desktop.ui.documents.model.camera import Camera
from slate_desktop.ui.documents.model.worker import ModelWorker
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import Theme

_REST_MS = 220
_FLY_MS = 40
_SLOW_S = 0.06
_VIEW_KEYS = {
    Qt.Key.Key_1: ("front", "back"),
    Qt.Key.Key_3: ("right", "left"),
    Qt.Key.Key_7: ("top", "bottom"),
}
_FLY_KEYS = {
    Qt.Key.Key_A: (-1, 0, 0),
    Qt.Key.Key_D: (1, 0, 0),
    Qt.Key.Key_E: (0, 1, 0),
    Qt.Key.Key_Q: (0, -1, 0),
    Qt.Key.Key_W: (0, 0, 1),
    Qt.Key.Key_S: (0, 0, -1),
}


@dataclass
class Shown:
    """What is drawn, besides the camera."""

    mode: str = "shaded"
    grid: bool = True
    ambient: bool = False
    bones: bool = False
    light: float = 5.0
    animation: int = -1
    time_s: float | None = None


class ModelView(QWidget):
    """One model. ``failed`` carries the error of a frame that could not be drawn."""

    failed = Signal(object)
    rendered = Signal()
    camera_changed = Signal()

    def __init__(self, theme: Theme, tasks: TaskGroupOwner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._tasks = theme, tasks
        self.camera = Camera()
        self.shown = Shown()
        self.frame: QImage | None = None
        self._stretched: QImage | None = None
        self.frame_s = 0.0
        self._worker: ModelWorker | None = None
        self._is_running = self._is_stale = self._is_moving = False
        self._drag: QPointF | None = None
        self._flying: set[int] = set()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._on_rest)
        self._fly = QTimer(self)
        self._fly.setInterval(_FLY_MS)
        self._fly.timeout.connect(self._on_fly)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 120)
        self.setAccessibleName(self.tr("Model"))
        theme.changed.connect(self.refresh)

    @property
    def is_busy(self) -> bool:
        """Whether a frame is still to come."""
        return self._is_running or self._is_stale or self._is_moving

    # -- what is shown ---------------------------------------------------------------------

    def set_worker(self, worker: ModelWorker | None) -> None:
        """Draw with this process from now on, at first a small frame, so that it comes soon."""
        self._worker = worker
        self.set_moving()
        self.refresh()

    def set_camera(self, camera: Camera, *, is_moving: bool = False) -> None:
        """Look from somewhere else."""
        self.camera = camera
        if is_moving:
            self._is_moving = True
            self._rest.start()
        self.camera_changed.emit()
        self.refresh()

    def set_moving(self) -> None:
        """Draw small frames until nothing has moved for a moment."""
        self._is_moving = True
        self._rest.start()

    def refresh(self) -> None:
        """Draw a frame as soon as the one under way is done; only the newest wish counts."""
        if self._worker is None:
            return
        self._is_stale = True
        if not self._is_running:
            self._is_running = True
            self._tasks.spawn(self._render(), "draw model", self)

    def order(self, size: QSize) -> dict[str, Any]:
        """Return what the drawing process is told."""
        tokens, camera, shown = self._theme.tokens, self.camera, self.shown
        return {
            "width": size.width(),
            "height": size.height(),
            "camera": {
                "position": camera.position,
                "focal": camera.focal,
                "up": camera.view_up,
                "angle": camera.angle,
            },
            "mode": shown.mode,
            "grid": shown.grid,
            "ambient": shown.ambient,
            "bones": shown.bones,
            "light": shown.light,
            "animation": shown.animation,
            "time": shown.time_s,
            "background": _floats(tokens.color("surface.window")),
            "grid_colour": _floats(tokens.color("surface.border_strong")),
        }

    # -- Qt --------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Prefer some room."""
        return QSize(640, 480)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the newest frame, stretched where it is a small one."""
        painter = QPainter(self)
        painter.fillRect(event.rect(), self._theme.tokens.color("surface.window"))
        if self._stretched is not None:
            # One that was stretched for another size is stretched here until the next one comes.
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self._place(self._stretched), self._stretched)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw in the new size."""
        super().resizeEvent(event)
        self.set_moving()
        self.refresh()

    def event(self, event: QEvent) -> bool:
        """Take pinches of touch pads, and keep the keys of sides from the window's actions."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_own = event.key() in _VIEW_KEYS
            if is_own and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
                event.accept()
                return True
        zoom = Qt.NativeGestureType.ZoomNativeGesture
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == zoom:
            event.accept()
            nearer = max(0.1, 1 + event.value())
            self.set_camera(self.camera.zoomed(1 / nearer), is_moving=True)
            return True
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Come nearer or go away."""
        self.set_camera(self.camera.zoomed(1.15 ** (-event.angleDelta().y() / 120)), is_moving=True)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold."""
        self._drag = event.position()
        self.setFocus()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn, or move with the middle button or Shift."""
        if self._drag is None:
            return
        step = event.position() - self._drag
        self._drag = event.position()
        is_pan = bool(event.buttons() & Qt.MouseButton.MiddleButton)
        if is_pan or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            camera = self.camera.panned(step.x(), step.y(), self.height())
        else:
            camera = self.camera.turned(step.x(), step.y())
        self.set_camera(camera, is_moving=True)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if not event.buttons():
            self._drag = None
            self._stop_flying()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Frame, look from a side, turn with the arrows; fly while the mouse holds."""
        key, camera = Qt.Key(event.key()), self.camera
        step = 40
        turns = {
            Qt.Key.Key_Left: (step, 0),
            Qt.Key.Key_Right: (-step, 0),
            Qt.Key.Key_Up: (0, step),
            Qt.Key.Key_Down: (0, -step),
        }
        if self._drag is not None and key in _FLY_KEYS:
            self._flying.add(key)
            self._fly.start()
        elif key == Qt.Key.Key_F:
            self.set_camera(camera.framed())
        elif key in _VIEW_KEYS:
            is_other = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self.set_camera(camera.seen_from(_VIEW_KEYS[key][is_other]))
        elif key in turns:
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.set_camera(camera.panned(*turns[key], self.height()), is_moving=True)
            else:
                self.set_camera(camera.turned(*turns[key]), is_moving=True)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.set_camera(camera.zoomed(1 / 1.15), is_moving=True)
        elif key == Qt.Key.Key_Minus:
            self.set_camera(camera.zoomed(1.15), is_moving=True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Fly no further that way."""
        if not event.isAutoRepeat():
            self._flying.discard(event.key())
            if not self._flying:
                self._stop_flying()

    # -- private ---------------------------------------------------------------------------

    async def _render(self) -> None:
        try:
            while self._is_stale and self._worker is not None:
                self._is_stale = False
                begin = time.perf_counter()
                data, width, height = await self._worker.render(self.order(self._frame_size()))
                target = self.size() * self.devicePixelRatioF()
                self.frame, self._stretched = await asyncio.to_thread(
                    _to_images, data, width, height, target
                )
                self.frame_s = time.perf_counter() - begin
                self.update()
        except AssetError as error:
            self._worker = None
            self.failed.emit(error)
        finally:
            self._is_running = False
        self.rendered.emit()

    def _frame_size(self) -> QSize:
        size = self.size() * self.devicePixelRatioF()
        # Slow frames while something moves are drawn at a half of both sides.
        is_slow = self.frame is None or self.frame_s > _SLOW_S
        return size / 2 if self._is_moving and is_slow else size

    def _place(self, frame: QImage) -> QRect:
        size = frame.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(self.rect().center())
        return place

    def _on_rest(self) -> None:
        self._is_moving = False
        self.refresh()

    def _on_fly(self) -> None:
        moves = [_FLY_KEYS[Qt.Key(key)] for key in self._flying]
        right, above, forward = (sum(part) for part in zip(*moves, strict=True))
        self.set_camera(self.camera.flown(right, above, forward), is_moving=True)

    def _stop_flying(self) -> None:
        self._flying.clear()
        self._fly.stop()


def _to_images(data: bytes, width: int, height: int, target: QSize) -> tuple[QImage, QImage]:
    """Turn OpenGL's rows, lowest first, into a picture, and into one of the widget's size.

    Runs in a thread: stretching a picture takes longer than a turn of the loop may.
    """
    image = QImage(data, width, height, width * 3, QImage.Format.Format_RGB888)
    image = image.flipped(Qt.Orientation.Vertical).convertToFormat(QImage.Format.Format_RGB32)
    if image.size() == target:
        return image, image
    stretched = image.scaled(
        target,
        Qt.AspectRatioMode.KeepAspectRatioByExpanding,
        Qt.TransformationMode.SmoothTransformation,
    )
    return image, stretched


def _floats(color: QColor) -> list[float]:
    return [color.redF(), color.greenF(), color.blueF()]
