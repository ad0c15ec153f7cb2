"""What a pane shows when there is nothing in it: one sentence and the first thing to do."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.actions import plain_title
from slate_desktop.ui.text import plain_label
from slate_desktop.ui.theme import Theme


class EmptyState(QWidget):
    """An icon, a sentence and a button for an action of the registry."""

    def __init__(self, theme: Theme, icon: str, text: str, action: QAction | None = None) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme, self._icon = theme, icon
        self._picture = plain_label()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.label = plain_label(text, role="muted")
        self.label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.label.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(10)
        layout.addStretch(1)
        layout.addWidget(self._picture)
        layout.addWidget(self.label)
        if action is not None:
            self.button = QPushButton(plain_title(action.text()))
            self.button.clicked.connect(action.trigger)
            action.changed.connect(lambda: self.button.setEnabled(action.isEnabled()))
            self.button.setEnabled(action.isEnabled())
            layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(1)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def _on_theme_changed(self) -> None:
        pixmap = icons.pixmap(self._icon, self._theme.tokens, "text.faint", 28)
        self._picture.setPixmap(pixmap)
