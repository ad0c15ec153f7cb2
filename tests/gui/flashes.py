"""Widgets that are shown before they have a parent: windows for a moment, closing open menus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget


@contextmanager
def windows_shown() -> Iterator[list[str]]:
    """Collect the windows that are shown meanwhile."""
    shown: list[str] = []

    class Watcher(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            is_shown = event.type() == QEvent.Type.Show and isinstance(watched, QWidget)
            if is_shown and watched.isWindow():
                shown.append(repr(watched))
            return False

    app, watcher = QApplication.instance(), Watcher()
    assert app is not None
    app.installEventFilter(watcher)
    try:
        yield shown
    finally:
        app.removeEventFilter(watcher)
