"""The start page once SLATE is connected: begin something, go on with something, first steps."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.actions import ActionRegistry, plain_title
from slate_desktop.ui.start.guide import GuideCard
from slate_desktop.ui.start.places import PlaceList
from slate_desktop.ui.text import plain_label
from slate_desktop.ui.theme import Theme

_BEGIN = ("project.add", "folder.open", "server.choose", "palette.commands", "settings.open")


class Welcome(QWidget):
    """Three lists and the guide."""

    def __init__(self, theme: Theme, actions: ActionRegistry) -> None:
        super().__init__()
        self._theme, self._actions = theme, actions
        self.guide = GuideCard(theme)
        self.recent = PlaceList(
            theme,
            self.tr("Recent"),
            self.tr("No project yet. Add the folder of a game, or drop it on this window."),
        )
        self.running = PlaceList(theme, self.tr("Running"), self.tr("Nothing runs at the moment."))
        self._begin = QVBoxLayout()
        self._begin.setSpacing(4)
        self._title = plain_label(self.tr("Begin"))
        self.buttons: dict[str, QPushButton] = {}
        for action_id in _BEGIN:
            self._begin.addWidget(self._button(action_id), 0, Qt.AlignmentFlag.AlignLeft)
        self._lay_out()
        theme.changed.connect(self.apply_theme)
        self.apply_theme()

    def apply_theme(self) -> None:
        """Take icons and font of the theme."""
        self._title.setFont(self._theme.ui_font(scale=1.15, is_bold=True))
        for action_id, button in self.buttons.items():
            spec = self._actions.spec(action_id)
            button.setIcon(icons.icon(spec.icon, self._theme.tokens, "accent.text"))

    def _button(self, action_id: str) -> QPushButton:
        action = self._actions[action_id]
        button = self.buttons[action_id] = QPushButton(f" {plain_title(action.text())}")
        button.setProperty("flat", True)
        button.setToolTip(action.toolTip())
        button.clicked.connect(action.trigger)
        action.changed.connect(lambda: button.setEnabled(action.isEnabled()))
        button.setEnabled(action.isEnabled())
        return button

    def _lay_out(self) -> None:
        begin = QVBoxLayout()
        begin.setSpacing(6)
        begin.addWidget(self._title)
        begin.addLayout(self._begin)
        begin.addStretch(1)
        lists = QVBoxLayout()
        lists.setSpacing(18)
        lists.addWidget(self.recent)
        lists.addWidget(self.running)
        lists.addStretch(1)
        columns = QHBoxLayout()
        columns.setSpacing(28)
        columns.addLayout(begin)
        columns.addLayout(lists, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(20)
        layout.addWidget(self.guide)
        layout.addLayout(columns)
