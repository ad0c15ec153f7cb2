"""Help: what the program is made of."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, qVersion
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QPlainTextEdit,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from slate_desktop import __version__
from slate_desktop.settings.parts import Part, installed_parts, licence_text
from slate_desktop.ui import dialogs
from slate_desktop.ui.text import clean, wrapped_label
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


async def show_about(window: MainWindow) -> None:
    """Show the version, and every part of the program with its licence."""
    parts = await asyncio.to_thread(installed_parts)
    await dialogs.wait_for(AboutDialog(window, window.theme, parts))


class AboutDialog(QDialog):
    """The version, and every part of the program with its licence."""

    def __init__(self, parent: QWidget, theme: Theme, parts: Sequence[Part]) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About SLATE"))
        self.setMinimumSize(560, 540)
        text = self.tr(
            "SLATE {version}, Apache License 2.0.\n\nPython {python}, Qt {qt} (LGPL-3.0), icons by "
            "Lucide (ISC), fonts Inter and JetBrains Mono (OFL-1.1)."
        ).format(version=__version__, python=platform.python_version(), qt=qVersion())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(10)
        layout.addWidget(wrapped_label(text))
        layout.addWidget(LicenceList(theme, parts), 1)
        layout.addWidget(buttons)


class LicenceList(QSplitter):
    """The distributions that the program consists of; the chosen one's licence is beside them."""

    def __init__(self, theme: Theme, parts: Sequence[Part]) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self.parts = QTreeWidget()
        self.parts.setAccessibleName(self.tr("Parts of the program"))
        self.parts.setHeaderLabels([self.tr("Part"), self.tr("Version"), self.tr("Licence")])
        self.parts.setRootIsDecorated(False)
        self.parts.setUniformRowHeights(True)
        for part in parts:
            item = QTreeWidgetItem([part.name, part.version, clean(part.licence)])
            item.setToolTip(2, f"\u200b{part.licence}")
            self.parts.addTopLevelItem(item)
        self.parts.resizeColumnToContents(0)
        self.parts.resizeColumnToContents(1)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFont(theme.mono_font())
        self.text.setAccessibleName(self.tr("Text of the licence"))
        self.parts.currentItemChanged.connect(lambda item, _before: self._show(item))
        self.addWidget(self.parts)
        self.addWidget(self.text)
        self.setChildrenCollapsible(False)
        self.parts.setCurrentIndex(self.parts.model().index(0, 0))

    def _show(self, item: QTreeWidgetItem | None) -> None:
        text = "" if item is None else licence_text(item.text(0))
        self.text.setPlainText(text or self.tr("It carries no text of its licence."))
