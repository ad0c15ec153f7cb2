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
from slate_desktop.domain.changelog import changes_of
from slate_desktop.settings.parts import Part, installed_parts, licence_text
from slate_desktop.settings.paths import changelog_path
from slate_desktop.ui import dialogs
from slate_desktop.ui.button_box import ButtonBox
from slate_desktop.ui.help.page import Page
from slate_desktop.ui.text import clean, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import DIALOG_MARGINS

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow
    from slate_desktop.ui.window_state import WindowState


async def show_about(window: MainWindow) -> None:
    """Show the version, and every part of the program with its licence."""
    parts = await asyncio.to_thread(installed_parts)
    await dialogs.wait_for(AboutDialog(window, window.theme, parts))


async def show_news(window: MainWindow) -> None:
    """Show what is new in this version."""
    await dialogs.wait_for(NewsDialog(window, await asyncio.to_thread(read_news)))


def note_version(state: WindowState) -> bool:
    """Remember the version that runs; tells whether another one did the last time."""
    before, state.version = state.version, __version__
    return bool(before) and before != __version__


def read_news() -> str:
    """Return what is new in this version as Markdown; empty where nothing is written."""
    try:
        text = changelog_path().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return changes_of(text, __version__)


class NewsDialog(QDialog):
    """What is new in this version."""

    def __init__(self, parent: QWidget, text: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("What is new in SLATE {version}").format(version=__version__))
        self.resize(720, 560)
        self.text = Page()
        self.text.setAccessibleName(self.tr("Changes"))
        self.text.show_markdown(text or self.tr("Nothing is written of this version."))
        buttons = ButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(12)
        layout.addWidget(self.text, 1)
        layout.addWidget(buttons)


class AboutDialog(QDialog):
    """The version, and every part of the program with its licence."""

    def __init__(self, parent: QWidget, theme: Theme, parts: Sequence[Part]) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About SLATE"))
        self.setMinimumSize(720, 560)
        text = self.tr(
            "SLATE {version}, Apache License 2.0.\n\nPython {python}, Qt {qt} (LGPL-3.0), icons by "
            "Lucide (ISC), fonts Inter and JetBrains Mono (OFL-1.1)."
        ).format(version=__version__, python=platform.python_version(), qt=qVersion())
        buttons = ButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
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
