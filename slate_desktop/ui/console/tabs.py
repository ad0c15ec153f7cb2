"""The tabs of the console: one for each open log, with the state of its session."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QTabBar, QToolButton

from slate_desktop.ui import icons
from slate_desktop.ui.tab_bar import ScrollingTabBar
from slate_desktop.ui.theme import Theme


class LogTabs(ScrollingTabBar):
    """Emits ``close_wanted`` with the id of a log; which one is shown tells ``current_id``."""

    close_wanted = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setTabsClosable(True)
        self.setAccessibleName(self.tr("Logs of sessions"))
        self.tabCloseRequested.connect(self._on_close)

    @property
    def current_id(self) -> str | None:
        """The id of the shown log."""
        return self.tabData(self.currentIndex()) if self.count() else None

    def index_of(self, log_id: str) -> int:
        """Return the place of a log, -1 when it has no tab."""
        places = (place for place in range(self.count()) if self.tabData(place) == log_id)
        return next(places, -1)

    def add(self, log_id: str, title: str) -> None:
        """Add a tab."""
        index = self.addTab(title)
        self.setTabData(index, log_id)
        button = QToolButton(self)
        button.setObjectName("tabButton")
        button.setIcon(icons.icon("x", self._theme.tokens))
        button.setToolTip(self.tr("Close this log; the session goes on"))
        button.setAccessibleName(self.tr("Close this log"))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self._on_close(self.index_of(log_id)))
        self.setTabButton(index, QTabBar.ButtonPosition.RightSide, button)

    def set_state(self, log_id: str, icon: str, role: str, words: str) -> None:
        """Show a state as an icon, with words in the tooltip."""
        index = self.index_of(log_id)
        if index >= 0:
            self.setTabIcon(index, icons.icon(icon, self._theme.tokens, role))
            self.setTabToolTip(index, words)

    def apply_theme(self) -> None:
        """Take the icons of the theme."""
        for index in range(self.count()):
            button = self.tabButton(index, QTabBar.ButtonPosition.RightSide)
            if isinstance(button, QToolButton):
                button.setIcon(icons.icon("x", self._theme.tokens))

    def _on_close(self, index: int) -> None:
        if index >= 0:
            self.close_wanted.emit(self.tabData(index))
