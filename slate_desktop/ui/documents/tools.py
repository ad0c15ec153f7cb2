"""Buttons of the bars above documents: chips with a word, tools with a picture."""

from __future__ import annotations

from PySide6.QtWidgets import QToolButton

from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tinted import set_icon


def chip(text: str, tip: str, *, is_on: bool = False) -> QToolButton:
    """Return a button that is on or off and shows a word."""
    button = QToolButton()
    button.setObjectName("chip")
    button.setText(text)
    button.setCheckable(True)
    button.setChecked(is_on)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    return button


def tool(theme: Theme, icon: str, tip: str, *, is_toggle: bool = False) -> QToolButton:
    """Return a button that shows a picture of the theme; without ``icon`` none yet."""
    button = QToolButton()
    if icon:
        set_icon(button, icon, theme)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setCheckable(is_toggle)
    return button
