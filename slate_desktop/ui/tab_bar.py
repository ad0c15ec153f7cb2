"""Tabs that scroll before their names are cut to nothing."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QTabBar, QWidget

# A name that is cut to fewer letters tells nothing: the bar scrolls then.
_LEAST_LETTERS = 10
# Of what stands beside a name (icon, button, gaps), in pixels.
_BESIDE = 70


class ScrollingTabBar(QTabBar):
    """A tab bar whose names stay readable, whatever is open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.setUsesScrollButtons(True)
        self.setExpanding(False)

    def minimumTabSizeHint(self, index: int) -> QSize:
        """Keep short names whole where there are many tabs."""
        return self.tabSizeHint(index).boundedTo(QSize(self.width_of(_LEAST_LETTERS), 200))

    def width_of(self, letters: int) -> int:
        """Return how wide a tab is whose name has so many letters, pixels."""
        return _BESIDE + letters * self.fontMetrics().averageCharWidth()
