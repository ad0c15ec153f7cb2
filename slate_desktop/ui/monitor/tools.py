"""The row of tools above the graphs: pause, zoom, back to now, compare, save, hosts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.text import PartsLabel, clean
from slate_desktop.ui.theme import Theme


class Tools(QWidget):
    """Buttons with icons; ``words`` says which span is shown, and its mean and peak.

    ``compare_toggled`` gives a session's id and whether it is to be drawn; ``save_wanted`` is
    ``csv`` or ``png``.
    """

    paused = Signal(bool)
    live_wanted = Signal()
    zoomed = Signal(float)
    compare_toggled = Signal(str, bool)
    save_wanted = Signal(str)
    hosts_toggled = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._icons: dict[QToolButton, str] = {}
        self.pause = self._button("pause", self.tr("Stand still"), is_checkable=True)
        self.pause.clicked.connect(self.paused)
        self.zoom_in = self._button("zoom-in", self.tr("A shorter span"))
        self.zoom_in.clicked.connect(lambda: self.zoomed.emit(2.0))
        self.zoom_out = self._button("zoom-out", self.tr("A longer span"))
        self.zoom_out.clicked.connect(lambda: self.zoomed.emit(-2.0))
        self.live = self._button("skip-back", self.tr("Back to now"))
        self.live.setObjectName("chip")
        self.live.setText(self.tr("Back to now"))
        self.live.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.live.clicked.connect(self.live_wanted)
        self.live.hide()
        self.words = PartsLabel(role="muted")
        self.compare = self._menu_button("layers", self.tr("Draw other sessions, too"))
        self.save = self._menu_button("save", self.tr("Save what is shown"))
        menu = self._menu(self.save)
        menu.addAction(self.tr("Values as &CSV…"), lambda: self.save_wanted.emit("csv"))
        menu.addAction(self.tr("Picture as &PNG…"), lambda: self.save_wanted.emit("png"))
        self.hosts = self._button("server", self.tr("Hosts and what is free"), is_checkable=True)
        self.hosts.clicked.connect(self.hosts_toggled)
        self._menu(self.compare)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 2)
        layout.setSpacing(2)
        for widget in (self.pause, self.zoom_in, self.zoom_out, self.live):
            layout.addWidget(widget)
        layout.addSpacing(6)
        layout.addWidget(self.words, 1)
        for widget in (self.compare, self.save, self.hosts):
            layout.addWidget(widget)
        theme.changed.connect(self.apply_theme)
        self.apply_theme()

    def show_state(self, *, is_live: bool) -> None:
        """Show whether the graphs go with the clock."""
        self.pause.setChecked(not is_live)
        self.live.setVisible(not is_live)

    def set_sessions(self, sessions: Sequence[tuple[str, str]], chosen: Sequence[str]) -> None:
        """Offer sessions (id and title) to be drawn beside the current one."""
        menu = self._menu(self.compare)
        menu.clear()
        for session_id, title in sessions:
            action = menu.addAction(clean(title).replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(session_id in chosen)
            action.setData(session_id)
            action.toggled.connect(
                lambda is_on, session_id=session_id: self.compare_toggled.emit(session_id, is_on)
            )
        self.compare.setEnabled(bool(sessions))

    def show_graphs(self, is_shown: bool) -> None:
        """Take away the tools that nothing is drawn for."""
        for widget in (self.pause, self.zoom_in, self.zoom_out, self.compare, self.save):
            widget.setVisible(is_shown)
        if not is_shown:
            self.live.hide()
            self.words.setText("")

    def apply_theme(self) -> None:
        """Take the icons of the theme."""
        for button, name in self._icons.items():
            button.setIcon(icons.icon(name, self._theme.tokens))

    def _menu_button(self, icon: str, words: str) -> QToolButton:
        button = self._button(icon, words)
        button.setMenu(QMenu(button))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    @staticmethod
    def _menu(button: QToolButton) -> QMenu:
        menu = button.menu()
        assert isinstance(menu, QMenu)  # noqa: S101 - every button that is asked has one
        return menu

    def _button(self, icon: str, words: str, *, is_checkable: bool = False) -> QToolButton:
        button = QToolButton(self)
        button.setAutoRaise(True)
        button.setCheckable(is_checkable)
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._icons[button] = icon
        return button
