"""Docks with a title bar in the style of the program: title, tools of the pane, float and close."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QDockWidget, QToolButton, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.title_bar import TitleBar


class Dock(QDockWidget):
    """A dock that can be moved, floated and closed; its title bar may carry the pane's tools.

    Signals:
        came_up: it stands above its neighbours now, and above whatever floats over the window.
    """

    came_up = Signal()

    def __init__(self, title: str, name: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(title, parent)
        self.setObjectName(name)
        self._theme = theme
        bar = self.bar = TitleBar(title, self)
        self._float = self._button(
            bar, "picture-in-picture-2", self.tr("Float the {title} pane").format(title=title)
        )
        self._float.clicked.connect(lambda: self.setFloating(not self.isFloating()))
        self._close = self._button(bar, "x", self.tr("Close the {title} pane").format(title=title))
        self._close.clicked.connect(self.close)
        for button in (self._float, self._close):
            bar.add_end(button)
        self.setTitleBarWidget(bar)
        bar.installEventFilter(self)
        theme.changed.connect(self.apply_theme)
        self.apply_theme()

    def set_tools(self, tools: QWidget) -> None:
        """Put the pane's tools into the title bar, before the pane itself is put into the dock.

        The keyboard comes to the tools first then.
        """
        self.bar.set_tools(tools)

    def add_title_widget(self, widget: QWidget) -> None:
        """Put a small widget into the title bar, left of float and close."""
        self.bar.add_end(widget, is_first=True)

    def show_title(self, is_shown: bool) -> None:
        """Show the title beside the tools, or leave it to the dock's tab."""
        if self.bar.is_named != is_shown:
            self.bar.is_named = is_shown
            self.bar.rearrange()

    def apply_theme(self) -> None:
        """Take icons and font of the theme."""
        self.bar.label.setFont(self._theme.ui_font(is_bold=True))
        tokens = self._theme.tokens
        self._float.setIcon(icons.icon("picture-in-picture-2", tokens))
        self._close.setIcon(icons.icon("x", tokens))

    def event(self, event: QEvent) -> bool:
        """Tell when the dock was raised."""
        is_used = super().event(event)
        # Not before: Qt shows a dock's tab only as long as nothing else was raised above it.
        if event.type() == QEvent.Type.ZOrderChange:
            self.came_up.emit()
        return is_used

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Float or dock with a double click on the title."""
        if event.type() == QEvent.Type.MouseButtonDblClick:
            self.setFloating(not self.isFloating())
            return True
        return super().eventFilter(watched, event)

    def _button(self, parent: QWidget, icon: str, name: str) -> QToolButton:
        button = QToolButton(parent)
        button.setIcon(icons.icon(icon, self._theme.tokens))
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return button
