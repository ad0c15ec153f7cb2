"""The guide in a window of its own: pages of the installed program, with a way back."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QShowEvent, QTextBlock, QTextCursor
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.settings.paths import guide_path
from slate_desktop.ui.help.page import Page
from slate_desktop.ui.help.pages import CONTENTS, page_path
from slate_desktop.ui.tokens import BUTTON_GAP, DIALOG_MARGINS

_IMAGE = re.compile(r"^!\[[^\]]*\]\([^)]*\)\s*$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
_PAGE = int(Qt.ItemDataRole.UserRole)


class GuideDialog(QDialog):
    """Shows pages. It hinders nothing: who reads it goes on working in the window."""

    def __init__(self, parent: QWidget, page: str = CONTENTS) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Guide"))
        self.setModal(False)
        self.resize(1140, 700)
        self.page = ""
        self._before: list[str] = []
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Pages of the guide"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for path, title in contents():
            item = QListWidgetItem(title)
            item.setData(_PAGE, path)
            item.setToolTip(title)
            self.list.addItem(item)
        self.text = Page()
        self.text.setAccessibleName(self.tr("The page"))
        self.back = QPushButton(self.tr("Back"))
        self.back.setAutoDefault(False)
        close = QPushButton(self.tr("Close"))
        close.setAutoDefault(False)
        self._lay_out(close)
        self.list.currentItemChanged.connect(self._on_chosen)
        self.text.anchorClicked.connect(self._on_link)
        self.back.clicked.connect(self.go_back)
        close.clicked.connect(self.reject)
        self.show_page(page)

    def show_page(self, page: str) -> None:
        """Show a page at its heading."""
        if self.page and page != self.page:
            self._before.append(self.page)
        self.page = page
        self.back.setEnabled(bool(self._before))
        path = page_path(page)
        if path is None:
            self.text.setPlainText(self.tr("The guide was not installed with this program."))
            return
        name, _, anchor = page.partition("#")
        self.text.show_markdown(readable(path.read_text(encoding="utf-8"), name))
        self._mark(name)
        self.text.moveCursor(QTextCursor.MoveOperation.Start)
        block = heading(self.text, anchor)
        if block is not None:
            bar = self.text.verticalScrollBar()
            layout = self.text.document().documentLayout()
            bar.setValue(round(layout.blockBoundingRect(block).top()))

    def go_back(self) -> None:
        """Show the page that was shown before."""
        if self._before:
            page = self._before.pop()
            self.page = ""
            self.show_page(page)

    def showEvent(self, event: QShowEvent) -> None:
        """Measure the titles again: the style came after they were put in."""
        super().showEvent(event)
        self.list.scheduleDelayedItemsLayout()

    def _mark(self, name: str) -> None:
        for row in range(self.list.count()):
            if self.list.item(row).data(_PAGE) == name:
                self.list.blockSignals(True)
                self.list.setCurrentRow(row)
                self.list.blockSignals(False)

    def _on_chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.show_page(str(item.data(_PAGE)))

    def _on_link(self, url: QUrl) -> None:
        target = url.toString()
        if "://" in target:
            QDesktopServices.openUrl(url)
            return
        folder = PurePosixPath(self.page.partition("#")[0]).parent
        name, _, anchor = target.partition("#")
        page = _joined(folder, name) if name else self.page.partition("#")[0]
        self.show_page(f"{page}#{anchor}" if anchor else page)

    def _lay_out(self, close: QPushButton) -> None:
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(self.list)
        splitter.addWidget(self.text)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([370, 760])
        splitter.setChildrenCollapsible(False)
        row = QHBoxLayout()
        row.setSpacing(BUTTON_GAP)
        row.addWidget(self.back)
        row.addStretch(1)
        row.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(12)
        layout.addWidget(splitter, 1)
        layout.addLayout(row)


def contents() -> list[tuple[str, str]]:
    """Return the installed pages with their titles, the window's first."""
    folder = guide_path()
    files = [*folder.glob("howto/*.md"), *(folder / name for name in ("error-codes.md",))]
    found = [
        (path.relative_to(folder).as_posix(), _title(path)) for path in files if path.is_file()
    ]
    return sorted(found, key=lambda entry: (entry[0] != CONTENTS, entry[1].lower()))


def readable(text: str, page: str) -> str:
    """Return a page as it is shown: without pictures, and without links that lead nowhere here."""

    def link(found: re.Match[str]) -> str:
        target = found[2].partition("#")[0]
        is_there = "://" in target or not target
        folder = PurePosixPath(page).parent
        return found[0] if is_there or page_path(_joined(folder, target)) else found[1]

    return _LINK.sub(link, _IMAGE.sub("", text))


def anchor_of(title: str) -> str:
    """Return a heading's anchor, as the guide's site makes it."""
    plain = re.sub(r"[^\w\s-]", "", title).strip().lower()
    return re.sub(r"[\s]+", "-", plain)


def heading(text: QTextBrowser, anchor: str) -> QTextBlock | None:
    """Return the block of a heading; None for no anchor, or one that is not there."""
    block = text.document().begin()
    while anchor and block.isValid():
        if block.blockFormat().headingLevel() and anchor_of(block.text()) == anchor:
            return block
        block = block.next()
    return None


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip()


def _joined(folder: PurePosixPath, name: str) -> str:
    parts: list[str] = []
    for part in (*folder.parts, *PurePosixPath(name).parts):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
