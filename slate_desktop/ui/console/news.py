"""The button over the log that says how many lines came since following paused."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QPushButton

from slate_desktop.ui.console.view import ConsoleView

_BOTTOM_GAP = 10


class NewsButton(QPushButton):
    """Stands at the lower edge of a view while lines wait; a click follows again."""

    def __init__(self, view: ConsoleView) -> None:
        super().__init__(view.viewport())
        self._view = view
        self.setProperty("primary", True)
        self.hide()
        view.pending_changed.connect(self._on_pending_changed)
        view.viewport().installEventFilter(self)
        self.clicked.connect(lambda: view.set_following(True))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay at the edge when the view changes its size."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _on_pending_changed(self, count: int) -> None:
        self.setVisible(count > 0)
        if count:
            words = self.tr("1 new line") if count == 1 else self.tr("{count} new lines")
            self.setText(words.format(count=f"{count:,}"))
            self._place()

    def _place(self) -> None:
        size, port = self.sizeHint(), self._view.viewport()
        left, top = (port.width() - size.width()) // 2, port.height() - size.height() - _BOTTOM_GAP
        self.setGeometry(left, top, size.width(), size.height())
