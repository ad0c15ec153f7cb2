"""The waveform or the spectrogram of a sound, with its playhead and its clipping marks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from slate_desktop.ui.documents.audio import ruler
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.pipeline.preview.planes import Array

_MIN_SPAN = 0.001


class WaveView(QWidget):
    """Shows peaks over time. ``scrubbed`` carries the second that was clicked."""

    scrubbed = Signal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._peaks: Array | None = None
        self._spectrum: QImage | None = None
        self._clips: list[float] = []
        self.seconds = 0.0
        self.start, self.span = 0.0, 1.0
        self.position = 0.0
        self.is_spectrum = False
        self.setMinimumSize(160, 90)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Waveform"))
        theme.changed.connect(self.update)

    # -- what is shown ---------------------------------------------------------------------

    def set_peaks(self, peaks: Array, seconds: float) -> None:
        """Show peaks: (channels, buckets, low and high), over so many seconds."""
        self._peaks = peaks
        if seconds != self.seconds:
            self.seconds, self.start, self.span = seconds, 0.0, max(seconds, _MIN_SPAN)
        self.update()

    def set_spectrum(self, levels: Array) -> None:
        """Give the spectrogram: (rows, columns) bytes, high frequencies first."""
        height, width = levels.shape
        image = QImage(levels.tobytes(), width, height, width, QImage.Format.Format_Indexed8)
        image.setColorTable(_heats())
        self._spectrum = image.copy()
        self.update()

    def set_clips(self, seconds: list[float]) -> None:
        """Mark where it clips."""
        self._clips = seconds
        self.update()

    def set_position(self, seconds: float) -> None:
        """Move the playhead."""
        if seconds != self.position:
            old, self.position = self.position, seconds
            for each in (old, seconds):
                x = round(self._x(each))
                self.update(x - 2, 0, 5, self.height())

    def show_spectrum(self, is_on: bool) -> None:
        """Show the spectrogram instead of the waveform."""
        self.is_spectrum = is_on
        self.update()

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Show a shorter (factor below 1) or longer time, keeping a second in its place."""
        at = self.position if at is None else at
        span = min(max(self.span * factor, _MIN_SPAN * 10), max(self.seconds, _MIN_SPAN))
        share = (at - self.start) / self.span
        self._look_at(at - share * span, span)

    def show_all(self) -> None:
        """Show the whole sound."""
        self._look_at(0.0, max(self.seconds, _MIN_SPAN))

    # -- Qt --------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Prefer some room."""
        return QSize(640, 240)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the mouse; Shift moves."""
        delta = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._look_at(self.start - self.span * delta / 1200, self.span)
        else:
            self.zoom(0.8 ** (delta / 120), self._second(event.position().x()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go there."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.scrubbed.emit(self._second(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scrub."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.scrubbed.emit(self._second(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom, and move by a twentieth of what is shown."""
        key = event.key()
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(0.8)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1.25)
        elif key == Qt.Key.Key_0:
            self.show_all()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = self.span / 20 * (1 if key == Qt.Key.Key_Right else -1)
            self.scrubbed.emit(min(max(0.0, self.position + step), self.seconds))
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.scrubbed.emit(0.0 if key == Qt.Key.Key_Home else self.seconds)
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Paint anew with another font."""
        super().changeEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what is in sight."""
        painter = QPainter(self)
        tokens = self._theme.tokens
        painter.fillRect(event.rect(), tokens.color("surface.window"))
        top = ruler.height(self.fontMetrics())
        area = QRectF(0, top, self.width(), max(1, self.height() - top))
        if self.is_spectrum and self._spectrum is not None:
            width = self._spectrum.width()
            source = QRectF(
                self.start / self.seconds * width, 0, self.span / self.seconds * width,
                self._spectrum.height(),
            )  # fmt: skip
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(area, self._spectrum, source)
        elif self._peaks is not None:
            self._paint_peaks(painter, area)
        ruler.paint(painter, self._theme, self.start, self.span, self.width())
        painter.setPen(QPen(tokens.color("state.error"), 1))
        for second in self._clips:
            if self.start <= second <= self.start + self.span:
                x = self._x(second)
                painter.drawLine(QPointF(x, top), QPointF(x, top + 8))
        painter.setPen(QPen(tokens.color("graph.up"), 2))
        x = self._x(self.position)
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))

    # -- private ---------------------------------------------------------------------------

    def _paint_peaks(self, painter: QPainter, area: QRectF) -> None:
        peaks, tokens = self._peaks, self._theme.tokens
        if peaks is None or self.seconds <= 0:
            return
        channels, buckets = peaks.shape[:2]
        height = area.height() / channels
        for number in range(channels):
            middle = area.top() + height * (number + 0.5)
            painter.setPen(QPen(tokens.color("surface.border_strong"), 1))
            painter.drawLine(QPointF(0, middle), QPointF(area.width(), middle))
            painter.setPen(QPen(tokens.color("graph.cpu"), 1))
            painter.drawLines(self._lines(peaks[number], buckets, middle, height / 2 - 3))

    def _lines(self, peaks: Array, buckets: int, middle: float, half: float) -> list[QLineF]:
        """Return one upright line for each column of pixels."""
        import numpy as np

        width = max(1, self.width())
        edges = np.linspace(self.start, self.start + self.span, width + 1) / self.seconds * buckets
        first = np.clip(edges[:-1].astype(np.int64), 0, buckets - 1)
        last = np.clip(np.ceil(edges[1:]).astype(np.int64), first + 1, buckets)
        # reduceat takes what lies between one index and the next; every second one is a gap.
        bounds = np.minimum(np.stack((first, last), axis=1).ravel(), buckets - 1)
        low = np.minimum.reduceat(peaks[:, 0], bounds)[::2]
        high = np.maximum.reduceat(peaks[:, 1], bounds)[::2]
        tops = middle - np.clip(high, -1, 1) * half
        bottoms = np.maximum(middle - np.clip(low, -1, 1) * half, tops + 0.5)
        return [
            QLineF(x, top, x, bottom)
            for x, (top, bottom) in enumerate(zip(tops.tolist(), bottoms.tolist(), strict=True))
        ]

    def _look_at(self, start: float, span: float) -> None:
        self.span = span
        self.start = min(max(0.0, start), max(0.0, self.seconds - span))
        self.update()

    def _x(self, second: float) -> float:
        return (second - self.start) / self.span * self.width()

    def _second(self, x: float) -> float:
        second = self.start + x / max(1, self.width()) * self.span
        return min(max(0.0, second), self.seconds)


@cache
def _heats() -> list[int]:
    return [_heat(level / 255).rgb() for level in range(256)]


def _heat(level: float) -> QColor:
    """Return black over violet and orange to white."""
    red = min(1.0, level * 1.6)
    green = max(0.0, level * 1.7 - 0.6)
    blue = min(1.0, min(1.0, level * 2) * (1 - level) + max(0.0, level * 5 - 4))
    return QColor.fromRgbF(red, min(1.0, green), blue)
