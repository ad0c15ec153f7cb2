"""Says over the window what it will do with the files that are dragged over it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout

from slate_desktop.ui.text import clean, plain_label

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


class DropHint(QFrame):
    """A frame around everything with one sentence in its middle; the pointer goes through it."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.setObjectName("dropHint")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.words = plain_label()
        self.words.setObjectName("toast")
        self.words.setMargin(14)
        layout = QVBoxLayout(self)
        layout.addWidget(self.words, 0, Qt.AlignmentFlag.AlignCenter)
        self.hide()

    def show_for(self, paths: Sequence[Path]) -> None:
        """Say what dropping these means."""
        self.words.setText(self._said(paths))
        self.setGeometry(self._window.rect())
        self.raise_()
        self.show()

    def _said(self, paths: Sequence[Path]) -> str:
        window, project = self._window, self._window.workspace.project
        if window.job_commands.takes(paths):
            name = clean(project.name) if project is not None else ""
            return self.tr("Drop to process as assets of {project}").format(project=name)
        if len(paths) == 1 and paths[0].is_dir():
            name = clean(paths[0].name)
            return self.tr("Drop to add {name} as a project").format(name=name)
        return self.tr("Drop to open")
