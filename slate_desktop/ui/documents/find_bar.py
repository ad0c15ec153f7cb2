"""Find and replace in a text document. Return is next, Shift+Return previous, Escape closes."""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QWidget

from slate_desktop.ui.documents.editor import CodeEditor
from slate_desktop.ui.documents.tools import tool
from slate_desktop.ui.text import plain_label, set_invalid
from slate_desktop.ui.theme import Theme

_MAX_MATCHES = 2000


class FindBar(QWidget):
    """Hidden until it is opened; marks every match in the editor."""

    def __init__(self, theme: Theme, editor: CodeEditor, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._editor = theme, editor
        self._matches: list[tuple[int, int]] = []
        self._current: int | None = None
        self.setObjectName("paneBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.field = self._line(self.tr("Find"))
        self.replacement = self._line(self.tr("Replace with"))
        self.state = plain_label(role="faint")
        self.case = tool(self._theme, "case-sensitive", self.tr("Match case"), is_toggle=True)
        self.regex = tool(self._theme, "regex", self.tr("Regular expression"), is_toggle=True)
        self.previous = tool(self._theme, "chevron-up", self.tr("Previous match (Shift+Return)"))
        self.next = tool(self._theme, "chevron-down", self.tr("Next match (Return)"))
        self.close_button = tool(self._theme, "x", self.tr("Close the search (Escape)"))
        self.replace = QPushButton(self.tr("Replace"))
        self.replace_all = QPushButton(self.tr("Replace all"))
        self.field.textChanged.connect(lambda _text: self.search())
        self.case.toggled.connect(lambda _on: self.search())
        self.regex.toggled.connect(lambda _on: self.search())
        self.previous.clicked.connect(lambda: self.step(-1))
        self.next.clicked.connect(lambda: self.step(1))
        self.replace.clicked.connect(self.replace_one)
        self.replace_all.clicked.connect(self.replace_every)
        self.close_button.clicked.connect(self.close_bar)
        editor.document().contentsChanged.connect(self._on_edited)
        self._lay_out()
        self.hide()

    def open_bar(self, *, has_replace: bool) -> None:
        """Show the fields; what is selected is what is searched."""
        selected = self._editor.textCursor().selectedText()
        if selected and "\u2029" not in selected:
            self.field.setText(selected)
        can_write = not self._editor.isReadOnly()
        for widget in (self.replacement, self.replace, self.replace_all):
            widget.setVisible(has_replace and can_write)
        self.show()
        self.field.setFocus()
        self.field.selectAll()
        self.search()

    def close_bar(self) -> None:
        """Hide the fields and the marks."""
        self.hide()
        self._matches, self._current = [], None
        self._editor.show_matches([], None)
        self._editor.setFocus()

    def pattern(self) -> re.Pattern[str] | None:
        """Return what is searched, None when nothing is, or nothing that compiles."""
        text = self.field.text()
        set_invalid(self.field, "")
        if not text:
            return None
        flags = re.MULTILINE | (0 if self.case.isChecked() else re.IGNORECASE)
        try:
            return re.compile(text if self.regex.isChecked() else re.escape(text), flags)
        except re.error as exc:
            set_invalid(self.field, self.tr("Not a regular expression: {why}").format(why=exc))
            return None

    def search(self) -> None:
        """Find every match anew and mark them."""
        pattern = self.pattern()
        text = self._editor.whole_text() if pattern is not None else ""
        found = pattern.finditer(text) if pattern is not None else ()
        self._matches = []
        for match in found:
            if match.end() > match.start():
                self._matches.append(match.span())
            if len(self._matches) >= _MAX_MATCHES:
                break
        at = self._editor.textCursor().selectionStart()
        after = (i for i, (start, _) in enumerate(self._matches) if start >= at)
        self._current = next(after, 0 if self._matches else None)
        self._show()

    def step(self, direction: int) -> None:
        """Go to the next (1) or previous match (-1), around the ends."""
        if not self._matches:
            return
        cursor = self._editor.textCursor()
        here = (cursor.selectionStart(), cursor.selectionEnd())
        if self._current is None or here == self._matches[self._current]:
            self._current = ((self._current or 0) + direction) % len(self._matches)
        self._editor.setTextCursor(self._cursor(*self._matches[self._current]))
        self._show()

    def replace_one(self) -> None:
        """Replace the current match and go to the next one."""
        pattern = self.pattern()
        if pattern is None or self._current is None:
            return
        cursor = self._cursor(*self._matches[self._current])
        new = self._expand(pattern, cursor.selectedText())
        cursor.insertText(new)
        self._editor.setTextCursor(cursor)
        self.search()
        self.step(1)

    def replace_every(self) -> None:
        """Replace every match, as one step of undo."""
        pattern = self.pattern()
        if pattern is None:
            return
        old = self._editor.whole_text()
        is_regex = self.regex.isChecked()
        word = self.replacement.text()
        try:
            new, count = pattern.subn(word if is_regex else lambda _match: word, old)
        except (re.error, IndexError) as exc:
            set_invalid(self.replacement, self.tr("Not a replacement: {why}").format(why=exc))
            return
        set_invalid(self.replacement, "")
        if new != old:
            cursor = QTextCursor(self._editor.document())
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.insertText(new)
        self.search()
        self.state.setText(self.tr("{n} replaced").format(n=count))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Step with Return, close with Escape."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                is_back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self.step(-1 if is_back else 1)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.close_bar()
                return True
        return super().eventFilter(watched, event)

    def _expand(self, pattern: re.Pattern[str], text: str) -> str:
        if not self.regex.isChecked():
            return self.replacement.text()
        try:
            return pattern.sub(self.replacement.text(), text, count=1)
        except (re.error, IndexError) as exc:
            set_invalid(self.replacement, self.tr("Not a replacement: {why}").format(why=exc))
            return text

    def _cursor(self, start: int, end: int) -> QTextCursor:
        cursor = QTextCursor(self._editor.document())
        text = self._editor.whole_text()
        cursor.setPosition(_units(text[:start]))
        cursor.setPosition(_units(text[:end]), QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def _show(self) -> None:
        near = self._matches[:200]
        text = self._editor.whole_text() if near else ""
        is_plain = text.isascii()
        cursors = []
        for start, end in near:
            cursor = QTextCursor(self._editor.document())
            cursor.setPosition(start if is_plain else _units(text[:start]))
            stop = end if is_plain else _units(text[:end])
            cursor.setPosition(stop, QTextCursor.MoveMode.KeepAnchor)
            cursors.append(cursor)
        self._editor.show_matches(cursors, self._current)
        if not self.field.text():
            self.state.setText("")
        elif self._current is None:
            self.state.setText(self.tr("No match"))
        else:
            many = "+" if len(self._matches) >= _MAX_MATCHES else ""
            words = self.tr("{number} of {count}")
            self.state.setText(
                words.format(number=self._current + 1, count=f"{len(self._matches)}{many}")
            )

    def _on_edited(self) -> None:
        if self.isVisible() and not self.field.hasFocus():
            self.search()

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(4)
        for widget in (self.case, self.regex, self.previous, self.next, self.state):
            first.addWidget(widget)
        first.addStretch(1)
        first.addWidget(self.close_button)
        for widget in (self.replace, self.replace_all):
            second.addWidget(widget)
        second.addStretch(1)
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 4, 8, 4)
        grid.setSpacing(4)
        grid.addWidget(self.field, 0, 0)
        grid.addLayout(first, 0, 1)
        grid.addWidget(self.replacement, 1, 0)
        grid.addLayout(second, 1, 1)
        grid.setColumnStretch(1, 1)

    def _line(self, name: str) -> QLineEdit:
        field = QLineEdit()
        field.setPlaceholderText(name)
        field.setAccessibleName(name)
        field.setMinimumWidth(260)
        field.installEventFilter(self)
        return field


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
