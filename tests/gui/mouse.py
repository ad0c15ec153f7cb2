"""What a hand does with a mouse, sent to widgets without looking at Qt's other events."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QNativeGestureEvent, QPointingDevice, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget


def move_mouse(
    widget: QWidget, to: QPoint, button: Qt.MouseButton = Qt.MouseButton.NoButton
) -> None:
    """Move over a widget. ``QTest.mouseMove`` handles events, which loses steps of coroutines."""
    place, no_key = QPointF(to), Qt.KeyboardModifier.NoModifier
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, QPointF(widget.mapToGlobal(to)), button, button, no_key
    )
    QApplication.sendEvent(widget, event)


def turn_wheel(widget: QWidget, at: QPoint, steps: int = 1) -> None:
    """Turn the wheel over a widget, away from the hand."""
    event = QWheelEvent(
        QPointF(at), QPointF(widget.mapToGlobal(at)), QPoint(), QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase,
        False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def pinch(widget: QWidget, at: QPoint, growth: float) -> bool:
    """Spread two fingers on a touch pad: their distance grows by a share. Tells if it is taken."""
    place, on_screen = QPointF(at), QPointF(widget.mapToGlobal(at))
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice(), 2,
        place, QPointF(widget.mapTo(widget.window(), at)), on_screen, growth, QPointF(),
    )  # fmt: skip
    return QApplication.sendEvent(widget, event)
