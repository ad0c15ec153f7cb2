"""A text file in an editor that is good enough for a small fix."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from slate_desktop.errors import SlateError, StaleWriteError
from slate_desktop.translation import sentence
from slate_desktop.ui import dialogs
from slate_desktop.ui.documents.document import Document, DocumentContext
from slate_desktop.ui.documents.editor import CodeEditor
from slate_desktop.ui.documents.find_bar import FindBar
from slate_desktop.ui.documents.hex_view import HexView
from slate_desktop.ui.documents.highlight import CodeHighlighter, lexer_name
from slate_desktop.ui.documents.text_file import (
    BinaryFileError,
    TextFile,
    read_text_file,
    save_text_file,
)
from slate_desktop.ui.documents.watch import FileWatch, stamp_of
from slate_desktop.ui.text import ElidedLabel, wrapped_label

_TURN_S = 0.004
_CHUNK_CHARS = 8_000


class TextDocument(Document):
    """Text or code. Bytes that are no text are shown as such."""

    icon = "file-text"

    def __init__(self, path: Path, context: DocumentContext) -> None:
        super().__init__(path, context)
        self._wanted_line = 0
        self._page = self.new_page()
        self.editor = CodeEditor(self.theme, self._page)
        self.editor.setAccessibleName(self.tr("Text of {name}").format(name=path.name))
        self._file: TextFile | None = None
        self._watch: FileWatch | None = None
        self._view: dict[str, Any] = {}
        self._is_filling = False
        self._highlighter: CodeHighlighter | None = None
        self.editor.document().modificationChanged.connect(lambda _on: self.changed.emit())

    # -- Document --------------------------------------------------------------------------

    def make(self) -> Iterator[None]:
        """Make what is around the editor."""
        self.conflict = ConflictBar(self._page)
        self.conflict.again.clicked.connect(self._read_again)
        self.conflict.keep.clicked.connect(self._keep_mine)
        self.facts = ElidedLabel("", self._page, role="faint")
        yield
        self._lay_out()
        self.editor.cursorPositionChanged.connect(self._show_facts)

    async def load(self) -> None:
        """Read the file into the editor, a piece at a time."""
        try:
            file = await asyncio.to_thread(read_text_file, self.path)
        except BinaryFileError:
            view = HexView(self.theme)
            await view.open(self.path)
            self.show_content(view)
            return
        self._file = file
        place = self.editor.textCursor().position(), self.editor.verticalScrollBar().value()
        # Nothing is saved before the text is there.
        self._is_filling = True
        self.show_content(self._page)
        await asyncio.sleep(0)
        self._make_highlighter()
        await self._fill(file.text)
        self._restore(*place)
        self._take_wanted_line()
        self.conflict.hide()
        self._watch_file()
        self._show_facts()

    async def save(self) -> bool:
        """Write the text beside the file and put it in its place."""
        file = self._file
        if file is None or self._is_filling:
            return False
        is_forced = False
        while True:
            text = self.editor.whole_text()
            try:
                saved = await asyncio.to_thread(
                    save_text_file, self.path, file, text, is_forced=is_forced
                )
            except StaleWriteError:
                is_forced = await self._may_overwrite()
                if not is_forced:
                    return False
            except SlateError as error:
                self.conflict.show_words(sentence(str(error)))
                return False
            else:
                break
        self._file = saved
        if self._watch is not None:
            self._watch.stamp = saved.stamp
        if self.editor.whole_text() == text:
            self.editor.document().setModified(False)
        self.conflict.hide()
        self.context.say(self.tr("{name} saved").format(name=self.title))
        return not self.is_modified

    @property
    def is_modified(self) -> bool:
        """Whether the text differs from the file."""
        return self.editor.document().isModified() and not self._is_filling

    @property
    def can_save(self) -> bool:
        """Whether this is text that may be written."""
        return self._file is not None and not self.editor.isReadOnly()

    def open_search(self) -> bool:
        """Open the search."""
        if self.is_made:
            self.find_bar.open_bar(has_replace=False)
        return True

    def view_state(self) -> dict[str, Any]:
        """Return cursor and scroll."""
        if not self.is_loaded:
            return self._view
        cursor, bar = self.editor.textCursor(), self.editor.verticalScrollBar()
        return {"cursor": cursor.position(), "scroll": bar.value()}

    def restore_view(self, state: dict[str, Any]) -> None:
        """Take back cursor and scroll once the text is there."""
        self._view = {k: v for k, v in state.items() if isinstance(v, int)}

    def go_to_line(self, line: int) -> None:
        """Put the cursor into a line, 1 for the first; at once, or when the text is there."""
        self._wanted_line = max(1, line)
        if self.is_loaded and not self._is_filling:
            self._take_wanted_line()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Save, find and replace with the usual keys."""
        key, control = event.key(), Qt.KeyboardModifier.ControlModifier
        if event.modifiers() != control or not self.is_made:
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_S:
            self.context.tasks.spawn(self.save(), "save", self)
        elif key in (Qt.Key.Key_F, Qt.Key.Key_H):
            self.find_bar.open_bar(has_replace=key == Qt.Key.Key_H)
        else:
            super().keyPressEvent(event)

    @cached_property
    def find_bar(self) -> FindBar:
        """The search, made when it is first wanted."""
        bar = FindBar(self.theme, self.editor, self._page)
        self._column.insertWidget(self._column.indexOf(self.editor), bar)
        return bar

    # -- private ---------------------------------------------------------------------------

    def _make_highlighter(self) -> None:
        """Make it while the document is empty: a new one looks at every line at once."""
        language = lexer_name(self.path)
        if language is not None and self._highlighter is None:
            highlighter = self._highlighter = CodeHighlighter(self.editor, self.theme, language)
            self.context.tasks.spawn(highlighter.run(), f"colours of {self.path.name}", self)

    async def _fill(self, text: str) -> None:
        """Put the text in without holding up the loop; nothing of it can be undone."""
        editor = self.editor
        self._is_filling = True
        editor.setReadOnly(True)
        editor.setUndoRedoEnabled(False)
        if self._highlighter is not None:
            self._highlighter.is_paused = True
        try:
            editor.clear()
            cursor = QTextCursor(editor.document())
            begin = time.perf_counter()
            for start in range(0, len(text), _CHUNK_CHARS):
                cursor.movePosition(QTextCursor.MoveOperation.End)
                cursor.insertText(text[start : start + _CHUNK_CHARS])
                if time.perf_counter() - begin > _TURN_S:
                    await asyncio.sleep(0)
                    begin = time.perf_counter()
        finally:
            self._is_filling = False
            editor.setUndoRedoEnabled(True)
            if self._highlighter is not None:
                self._highlighter.resume()
        editor.document().setModified(False)
        # Separators that Qt takes for line ends would not survive: such a text is only shown.
        editor.setReadOnly(editor.whole_text() != text)
        self.changed.emit()

    def _restore(self, position: int, scroll: int) -> None:
        position = self._view.get("cursor", position)
        cursor = self.editor.textCursor()
        last = self.editor.document().characterCount() - 1
        cursor.setPosition(max(0, min(position, last)))
        self.editor.setTextCursor(cursor)
        self.editor.verticalScrollBar().setValue(self._view.get("scroll", scroll))
        self._view = {}

    def _take_wanted_line(self) -> None:
        line, self._wanted_line = self._wanted_line, 0
        if line:
            block = self.editor.document().findBlockByNumber(line - 1)
            self.editor.setTextCursor(QTextCursor(block))
            self.editor.centerCursor()

    def _watch_file(self) -> None:
        stamp = self._file.stamp if self._file is not None else stamp_of(self.path)
        if self._watch is None:
            self._watch = FileWatch(self.path, stamp, self)
            self._watch.changed.connect(self._on_disk_changed)
        else:
            self._watch.stamp = stamp

    def _on_disk_changed(self) -> None:
        if self._watch is not None and self._watch.stamp is None:
            self.editor.document().setModified(True)
            self.conflict.show_words(self.tr("The file is gone. Save writes it again."))
        elif self.is_modified:
            self.conflict.show_question()
        else:
            self.start()

    def _read_again(self) -> None:
        self.editor.document().setModified(False)
        self.start()

    def _keep_mine(self) -> None:
        self.conflict.hide()
        self.editor.setFocus()

    async def _may_overwrite(self) -> bool:
        text = self.tr("{name} was changed on disk by another program since it was read here.")
        return await dialogs.ask(
            self,
            self.theme,
            title=self.tr("Changed on disk"),
            text=text.format(name=self.title),
            action=self.tr("Overwrite"),
            is_danger=True,
        )

    def _show_facts(self) -> None:
        file = self._file
        if file is None:
            return
        cursor = self.editor.textCursor()
        place = self.tr("Line {line}, column {column}").format(
            line=cursor.blockNumber() + 1, column=cursor.positionInBlock() + 1
        )
        ends = "CRLF" if file.newline == "\r\n" else "LF"
        if file.is_mixed:
            ends = self.tr("mixed line ends, saved as {ends}").format(ends=ends)
        parts = [place, file.encoding.upper(), ends]
        if self.editor.isReadOnly():
            parts.append(self.tr("read only"))
        self.facts.setText("   ·   ".join(parts))

    def _lay_out(self) -> None:
        page = self._page
        layout = self._column = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.conflict)
        layout.addWidget(self.editor, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 3, 12, 3)
        foot.addWidget(self.facts)
        layout.addLayout(foot)
        page.setFocusProxy(self.editor)


class ConflictBar(QWidget):
    """Says that the file on disk is another one now, and lets the user choose."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.words = wrapped_label()
        self.again = QPushButton(self.tr("Read again, lose mine"))
        self.keep = QPushButton(self.tr("Keep mine"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 6, 8, 6)
        layout.addWidget(self.words, 1)
        layout.addWidget(self.again)
        layout.addWidget(self.keep)
        self.hide()

    def show_question(self) -> None:
        """Ask which text is to stay."""
        self._show(self.tr("The file was changed by another program."), is_question=True)

    def show_words(self, words: str) -> None:
        """Tell something without a question."""
        self._show(words, is_question=False)

    def _show(self, words: str, *, is_question: bool) -> None:
        self.words.setText(words)
        self.again.setVisible(is_question)
        self.keep.setText(self.tr("Keep mine") if is_question else self.tr("Hide"))
        self.show()
