"""The tabs of documents: how wide they are, and what the middle button does."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent

from slate_desktop.ui.tab_bar import ScrollingTabBar

_MOST_LETTERS = 18


class DocumentTabBar(ScrollingTabBar):
    """Tabs of a sensible width; the middle button closes."""

    close_wanted = Signal(int)

    def tabSizeHint(self, index: int) -> QSize:
        """Cut long names."""
        return super().tabSizeHint(index).boundedTo(QSize(self.width_of(_MOST_LETTERS), 200))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Close with the middle button."""
        index = self.tabAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.MiddleButton and index >= 0:
            self.close_wanted.emit(index)
            return
        super().mouseReleaseEvent(event)
