"""Quick look: the preview of an asset above the window, as long as one wants to see it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from slate_desktop.ui import dialogs
from slate_desktop.ui.documents.document import Document, DocumentContext
from slate_desktop.ui.documents.kinds import make_document
from slate_desktop.ui.text import ElidedLabel, clean

_SHARE = 0.72


class QuickLook(QDialog):
    """Space and Escape close it; the arrow keys go to the next and the previous asset."""

    step_wanted = Signal(int)
    open_wanted = Signal(object)

    def __init__(self, parent: QWidget, context: DocumentContext) -> None:
        super().__init__(parent)
        self._context = context
        self._document: Document | None = None
        self.setWindowTitle(self.tr("Quick look"))
        self.name = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.open_button = QPushButton(self.tr("Open in a tab"))
        self.open_button.setAutoDefault(False)
        self.open_button.clicked.connect(self._on_open)
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 8, 8)
        head.addWidget(self.name, 1)
        head.addWidget(self.open_button)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(head)
        size = parent.window().size() * _SHARE
        self.resize(size.boundedTo(QSize(1200, 820)))
        self.finished.connect(lambda _result: self._drop())
        dialogs.add_help(self)

    @property
    def document(self) -> Document | None:
        """What is shown."""
        return self._document

    def show_path(self, path: Path) -> None:
        """Look at a file."""
        self._drop()
        document = self._document = make_document(path, self._context)
        self.name.setText(clean(path.name))
        self._column.addWidget(document, 1)
        document.installEventFilter(self)
        document.start()
        self.open()
        self.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close or step."""
        if not self._take(event):
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep Space for closing, whatever the preview does with it."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._take(event)
        return super().eventFilter(watched, event)

    def _take(self, event: QKeyEvent) -> bool:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Space, Qt.Key.Key_Escape):
            self.reject()
        elif key in steps:
            self.step_wanted.emit(steps[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._on_open()
        else:
            return False
        return True

    def _on_open(self) -> None:
        if self._document is not None:
            path = self._document.path
            self.reject()
            self.open_wanted.emit(path)

    def _drop(self) -> None:
        document, self._document = self._document, None
        if document is not None:
            document.hide()
            document.removeEventFilter(self)
            self._column.removeWidget(document)
            self._context.tasks.spawn(_close(document), "close quick look", self)


async def _close(document: Document) -> None:
    try:
        await document.aclose()
    finally:
        document.deleteLater()
