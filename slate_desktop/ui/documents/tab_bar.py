"""The tabs of documents: how wide they are, and what the middle button does."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QTabBar, QWidget

_MAX_TAB_WIDTH = 220
# A name that is cut to less tells nothing: the bar scrolls then.
_LEAST_TAB_WIDTH = 150


class DocumentTabBar(QTabBar):
    """Tabs of a sensible width; the middle button closes."""

    close_wanted = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.setUsesScrollButtons(True)
        self.setExpanding(False)

    def tabSizeHint(self, index: int) -> QSize:
        """Cut long names."""
        return super().tabSizeHint(index).boundedTo(QSize(_MAX_TAB_WIDTH, 200))

    def minimumTabSizeHint(self, index: int) -> QSize:
        """Keep short names whole where there are many tabs."""
        return self.tabSizeHint(index).boundedTo(QSize(_LEAST_TAB_WIDTH, 200))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Close with the middle button."""
        index = self.tabAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.MiddleButton and index >= 0:
            self.close_wanted.emit(index)
            return
        super().mouseReleaseEvent(event)
