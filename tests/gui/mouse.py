"""What a hand does with a mouse, sent to widgets without looking at Qt's other events."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
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
