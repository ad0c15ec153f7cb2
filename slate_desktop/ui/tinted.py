"""Buttons and labels whose icon follows the theme for as long as they live."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QAbstractButton, QLabel

from slate_desktop.ui import icons
from slate_desktop.ui.theme import Theme


def set_icon(widget: QAbstractButton | QLabel, name: str, theme: Theme) -> None:
    """Give a widget an icon in the colour of muted text, in every theme from now on."""
    _Tint(widget, name, theme)


class _Tint(QObject):
    """Belongs to its widget: a function that the theme knows would keep the widget alive."""

    def __init__(self, widget: QAbstractButton | QLabel, name: str, theme: Theme) -> None:
        super().__init__(widget)
        self._widget, self._name, self._theme = widget, name, theme
        theme.changed.connect(self._apply)
        self._apply()

    def _apply(self) -> None:
        if isinstance(self._widget, QLabel):
            self._widget.setPixmap(icons.pixmap(self._name, self._theme.tokens))
        else:
            self._widget.setIcon(icons.icon(self._name, self._theme.tokens))
