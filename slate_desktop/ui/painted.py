"""Tells when a widget has been painted: what can wait begins once people see what they wait for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

# A window that is hidden or minimised is not painted at all.
_PATIENCE_S = 0.5


class PaintWatcher(QObject):
    """Looks for the next painting; ``then`` is called once when all of it is done."""

    def __init__(self, widget: QWidget, then: Callable[[], None] = lambda: None) -> None:
        super().__init__(widget)
        self.is_painted = False
        self._then = then
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note the painting; nothing is kept from the widget."""
        if event.type() == QEvent.Type.Paint and not self.is_painted:
            self.is_painted = True
            QTimer.singleShot(0, self, self._then)
        return False


async def painted(widget: QWidget) -> None:
    """Return once the widget was painted anew, or after half a second if that does not happen."""
    import asyncio

    done = asyncio.Event()
    watcher = PaintWatcher(widget, done.set)
    widget.update()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            await done.wait()
    widget.removeEventFilter(watcher)
    watcher.deleteLater()
