"""The tabs in the centre of the window: the overview first, then one for each open document.

Owns which documents are open, pinned and current, and how they close. Nothing here needs a server.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import shiboken6
from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QTabBar, QTabWidget, QToolButton, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.documents.closing import Choice, ask_to_save
from slate_desktop.ui.documents.document import Document, DocumentContext
from slate_desktop.ui.documents.kinds import icon_for, make_document
from slate_desktop.ui.documents.tab_bar import DocumentTabBar
from slate_desktop.ui.heap import HeapTrimmer
from slate_desktop.ui.theme import Theme

_MAX_REMEMBERED = 30
_LEAST, _USUAL = QSize(360, 200), QSize(640, 480)


class DocumentArea(QTabWidget):
    """The overview and the open documents.

    Args:
        overview: the first tab, which never closes.
        context: what documents get from the window.
    """

    current_document_changed = Signal()
    menu_wanted = Signal(object, QPoint)

    def __init__(self, overview: QWidget, context: DocumentContext, parent: QWidget) -> None:
        super().__init__(parent)
        self.context = context
        self._theme: Theme = context.theme
        self._pinned: set[Document] = set()
        self._shown: dict[Document, tuple[object, ...]] = {}
        self._closing: set[Document] = set()
        self._heap = HeapTrimmer(context.tasks, self)
        bar = DocumentTabBar(self)
        self.setTabBar(bar)
        self.setDocumentMode(True)
        self.setMovable(True)
        self.setAccessibleName(self.tr("Documents"))
        self.addTab(overview, self.tr("Overview"))
        bar.tabMoved.connect(self._on_moved)
        bar.close_wanted.connect(self._on_close_wanted)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        bar.customContextMenuRequested.connect(self._on_menu)
        self.currentChanged.connect(self._on_current)
        self._theme.changed.connect(self._on_theme_changed)
        self._show_titles()

    def minimumSizeHint(self) -> QSize:
        """Ask for the same room whatever is open, so that docks stay as they are."""
        return _LEAST

    def sizeHint(self) -> QSize:
        """Prefer the same room whatever is open."""
        return _USUAL

    # -- what is open ----------------------------------------------------------------------

    @property
    def documents(self) -> list[Document]:
        """The open documents from left to right."""
        pages = (self.widget(index) for index in range(self.count()))
        return [page for page in pages if isinstance(page, Document)]

    @property
    def current(self) -> Document | None:
        """The document that is shown, None for the overview."""
        page = self.currentWidget()
        return page if isinstance(page, Document) else None

    @property
    def unsaved(self) -> list[Document]:
        """The documents with unsaved changes."""
        return [document for document in self.documents if document.is_modified]

    def document_of(self, path: Path) -> Document | None:
        """Return the open document of a path."""
        return next((d for d in self.documents if d.path == path), None)

    def is_pinned(self, document: Document) -> bool:
        """Tell whether a document stays at the left and does not close with the others."""
        return document in self._pinned

    # -- doing -----------------------------------------------------------------------------

    def open_path(self, path: Path, *, is_shown: bool = True) -> Document:
        """Open a file, or go to its tab when it is open."""
        document = self.document_of(path)
        if document is None:
            document = make_document(path, self.context)
            document.changed.connect(self._show_titles)
            self.addTab(document, document.title)
            self._add_close_button(document)
            self._show_titles()
            document.start()
        if is_shown:
            self.setCurrentWidget(document)
            document.setFocus()
        return document

    def show_overview(self) -> None:
        """Go to the first tab."""
        self.setCurrentIndex(0)

    def step(self, direction: int) -> None:
        """Go to the next (1) or the previous tab (-1)."""
        self.setCurrentIndex((self.currentIndex() + direction) % self.count())

    def set_pinned(self, document: Document, is_pinned: bool) -> None:
        """Pin a document behind the overview, or let it go."""
        if is_pinned == self.is_pinned(document):
            return
        count = len(self._pinned)
        (self._pinned.add if is_pinned else self._pinned.discard)(document)
        place = count + 1 if is_pinned else count
        self.tabBar().moveTab(self.indexOf(document), place)
        self._show_titles()

    async def close_document(self, document: Document) -> bool:
        """Close a document; asks once when something is not saved. Tells whether it is closed."""
        if document in self._closing:
            return False
        self._closing.add(document)
        try:
            if document.is_modified and not await self._may_lose([document]):
                return False
            await self._remove(document)
        finally:
            self._closing.discard(document)
        return True

    async def close_others(self, kept: Document) -> None:
        """Close every document that is neither ``kept`` nor pinned."""
        gone = [d for d in self.documents if d is not kept and not self.is_pinned(d)]
        unsaved = [d for d in gone if d.is_modified]
        if unsaved and not await self._may_lose(unsaved):
            return
        for document in gone:
            await self._remove(document)

    async def may_close_all(self) -> bool:
        """Ask once about everything that is not saved; tells whether the window may close."""
        return not self.unsaved or await self._may_lose(self.unsaved)

    async def aclose(self) -> None:
        """Let the documents give up what they hold."""
        await asyncio.gather(*(d.aclose() for d in self.documents), return_exceptions=True)

    # -- remembering -----------------------------------------------------------------------

    def remember(self) -> list[dict[str, Any]]:
        """Return what brings these tabs back."""
        current = self.current
        return [
            {
                "path": str(document.path),
                "is_pinned": self.is_pinned(document),
                "is_current": document is current,
                "view": document.view_state(),
            }
            for document in self.documents[:_MAX_REMEMBERED]
        ]

    def restore(self, entries: list[dict[str, Any]]) -> None:
        """Bring back the tabs of the last time, as far as their files are there."""
        current: Document | None = None
        for entry in entries[:_MAX_REMEMBERED]:
            path, view = entry.get("path"), entry.get("view")
            if not isinstance(path, str) or not Path(path).is_file():
                continue
            document = self.open_path(Path(path), is_shown=False)
            if isinstance(view, dict):
                document.restore_view(view)
            if entry.get("is_pinned") is True:
                self.set_pinned(document, True)
            if entry.get("is_current") is True:
                current = document
        if current is not None:
            self.setCurrentWidget(current)

    # -- private ---------------------------------------------------------------------------

    async def _may_lose(self, documents: list[Document]) -> bool:
        names = [document.title for document in documents]
        choice = await ask_to_save(self, self._theme, names)
        if choice is Choice.CANCEL:
            return False
        if choice is Choice.SAVE:
            for document in documents:
                if not await document.save():
                    self.setCurrentWidget(document)
                    return False
        return True

    async def _remove(self, document: Document) -> None:
        self._pinned.discard(document)
        self._shown.pop(document, None)
        index = self.indexOf(document)
        if index >= 0:
            self.removeTab(index)
        document.hide()
        try:
            await document.aclose()
        finally:
            if shiboken6.isValid(document):
                document.deleteLater()
            if shiboken6.isValid(self):
                self._show_titles()
                self._heap.let_go()

    def _on_theme_changed(self) -> None:
        self._shown.clear()
        self._show_titles()

    def _on_current(self, _index: int) -> None:
        self.current_document_changed.emit()

    def _on_close_wanted(self, index: int) -> None:
        document = self.widget(index)
        if isinstance(document, Document):
            self.context.tasks.spawn(self.close_document(document), "close document", self)

    def _on_moved(self, _from: int, _to: int) -> None:
        """Keep the overview first and the pinned tabs behind it."""
        bar = self.tabBar()
        overview = next(i for i in range(self.count()) if not isinstance(self.widget(i), Document))
        if overview != 0:
            bar.moveTab(overview, 0)
            return
        for place, document in enumerate(self.documents):
            if document in self._pinned and place >= len(self._pinned):
                bar.moveTab(self.indexOf(document), len(self._pinned))
                return

    def _on_menu(self, position: QPoint) -> None:
        bar = self.tabBar()
        document = self.widget(bar.tabAt(position))
        if isinstance(document, Document):
            self.setCurrentWidget(document)
            self.menu_wanted.emit(document, bar.mapToGlobal(position))

    def _add_close_button(self, document: Document) -> None:
        button = QToolButton(self)
        button.setObjectName("tabButton")
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setIconSize(QSize(12, 12))
        button.clicked.connect(lambda: self._on_close_wanted(self.indexOf(document)))
        self.tabBar().setTabButton(self.indexOf(document), QTabBar.ButtonPosition.RightSide, button)

    def _show_titles(self) -> None:
        tokens = self._theme.tokens
        names = [document.title for document in self.documents]
        self.setTabIcon(0, icons.icon("house", tokens))
        for document in self.documents:
            index = self.indexOf(document)
            title = document.title
            if names.count(title) > 1:
                title = f"{title} · {document.path.parent.name}"
            mark = "● " if document.is_modified else ""
            shown = (mark, title, document in self._pinned)
            if self._shown.get(document) == shown:
                continue
            self._shown[document] = shown
            self.setTabText(index, mark + title.replace("&", "&&"))
            self.setTabToolTip(index, f"\u200b{document.path}")
            self.setTabIcon(index, icons.icon(icon_for(document.path), tokens))
            self._show_button(document, index)

    def _show_button(self, document: Document, index: int) -> None:
        button = self.tabBar().tabButton(index, QTabBar.ButtonPosition.RightSide)
        if isinstance(button, QToolButton):
            is_pinned = document in self._pinned
            button.setIcon(icons.icon("pin" if is_pinned else "x", self._theme.tokens))
            name = self.tr("Unpin {name}") if is_pinned else self.tr("Close {name}")
            button.setToolTip(f"\u200b{name.format(name=document.title)}")
            button.setAccessibleName(name.format(name=document.title))
            button.clicked.disconnect()
            if is_pinned:
                button.clicked.connect(lambda: self.set_pinned(document, False))
            else:
                button.clicked.connect(lambda: self._on_close_wanted(self.indexOf(document)))
