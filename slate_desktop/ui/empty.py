"""What a pane shows when there is nothing in it: one sentence and the first thing to do."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QResizeEvent
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
        self.button: QPushButton | None = None
        layout = self._layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(10)
        layout.addStretch(1)
        layout.addWidget(self._picture)
        layout.addWidget(self.label)
        if action is not None:
            button = self.button = QPushButton(plain_title(action.text()))
            button.clicked.connect(action.trigger)
            action.changed.connect(lambda: button.setEnabled(action.isEnabled()))
            button.setEnabled(action.isEnabled())
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(1)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the words the room of the icon where there is little; the tooltip has them all."""
        super().resizeEvent(event)
        margins = self._layout.contentsMargins()
        words = self.label.heightForWidth(self.width() - margins.left() - margins.right())
        rest = margins.top() + margins.bottom() + self._layout.spacing()
        if self.button is not None:
            rest += self.button.sizeHint().height() + self._layout.spacing()
        icon = self._picture.sizeHint().height() + self._layout.spacing()
        self._picture.setVisible(self.height() >= words + rest + icon)
        self.label.setToolTip("" if self.height() >= words + rest else self.label.text())

    def _on_theme_changed(self) -> None:
        pixmap = icons.pixmap(self._icon, self._theme.tokens, "text.faint", 28)
        self._picture.setPixmap(pixmap)
