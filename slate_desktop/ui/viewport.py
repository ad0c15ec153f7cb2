"""Gives scrolling areas a viewport that Python made.

PySide imports every class of widgets that there is, when it first meets a plain ``QWidget`` of
C++: it looks for the one that fits best. That takes as long as making a pane.
"""

from __future__ import annotations

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QAbstractScrollArea, QWidget


def own_viewport(area: QAbstractScrollArea) -> None:
    """Replace the viewport of an area that was just made by one of the same look."""
    viewport = QWidget()
    viewport.setBackgroundRole(QPalette.ColorRole.Base)
    viewport.setAutoFillBackground(True)
    area.setViewport(viewport)
