"""The text editor: line numbers, the current line, and search and replace over it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCursor,
    QTextFormat,
)
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QTextEdit, QWidget

from slate_desktop.ui.theme import Theme

# QTextDocument writes a paragraph's end as this.
_PARAGRAPH = "\u2029"


class CodeEditor(QPlainTextEdit):
    """A plain text editor with line numbers."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._matches: list[QTextEdit.ExtraSelection] = []
        self.setObjectName("codeEditor")
        self.setFrameShape(QFrame.Shape.NoFrame)
        # Code begins at the left in every language.
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._numbers = _LineNumbers(self)
        self.blockCountChanged.connect(lambda _count: self._make_room())
        self.updateRequest.connect(self._on_update)
        self.cursorPositionChanged.connect(self._mark_line)
        theme.changed.connect(self.apply_theme)
        self.apply_theme()

    def whole_text(self) -> str:
        """Return the text exactly; ``toPlainText`` turns hard spaces into soft ones."""
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        return cursor.selectedText().replace(_PARAGRAPH, "\n")

    def show_matches(self, cursors: list[QTextCursor], current: int | None) -> None:
        """Mark what was found."""
        self._matches = []
        for number, cursor in enumerate(cursors):
            key = "mark.search_current" if number == current else "mark.search"
            mark = QTextEdit.ExtraSelection()
            mark.cursor = cursor  # type: ignore[attr-defined]
            mark.format.setBackground(QColor(self._theme.tokens.hex(key)))  # type: ignore[attr-defined]
            self._matches.append(mark)
        self._mark_line()

    def apply_theme(self) -> None:
        """Take fonts and colours of the theme."""
        self.setFont(self._theme.mono_font())
        self.setTabStopDistance(4 * self.fontMetrics().horizontalAdvance(" "))
        self._make_room()
        self._mark_line()

    def event(self, event: QEvent) -> bool:
        """Keep the keys that mean something in an editor from the window's actions."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            control = Qt.KeyboardModifier.ControlModifier
            own = (Qt.Key.Key_S, Qt.Key.Key_F, Qt.Key.Key_H, Qt.Key.Key_K, Qt.Key.Key_L)
            if event.modifiers() == control and event.key() in own:
                event.accept()
                return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the numbers as high as the text."""
        super().resizeEvent(event)
        area = self.contentsRect()
        width = self._numbers.sizeHint().width()
        self._numbers.setGeometry(QRect(area.left(), area.top(), width, area.height()))

    def number_width(self) -> int:
        """Return the room that line numbers take, in logical pixels."""
        digits = max(3, len(str(self.blockCount())))
        return 18 + digits * self.fontMetrics().horizontalAdvance("9")

    def paint_numbers(self, event: QPaintEvent) -> None:
        """Paint the numbers of the lines in sight."""
        painter = QPainter(self._numbers)
        tokens = self._theme.tokens
        painter.fillRect(event.rect(), tokens.color("surface.panel"))
        painter.setFont(self.font())
        block, current = self.firstVisibleBlock(), self.textCursor().blockNumber()
        top = self.blockBoundingGeometry(block).translated(self.contentOffset()).top()
        height = self.fontMetrics().height()
        while block.isValid() and top <= event.rect().bottom():
            if block.isVisible():
                is_current = block.blockNumber() == current
                painter.setPen(tokens.color("text.normal" if is_current else "text.faint"))
                painter.drawText(
                    QRect(0, round(top), self._numbers.width() - 10, height),
                    int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
                    str(block.blockNumber() + 1),
                )
            top += self.blockBoundingRect(block).height()
            block = block.next()

    def _make_room(self) -> None:
        self.setViewportMargins(self.number_width(), 0, 0, 0)

    def _on_update(self, rect: QRect, step: int) -> None:
        if step:
            self._numbers.scroll(0, step)
        else:
            self._numbers.update(0, rect.y(), self._numbers.width(), rect.height())

    def _mark_line(self) -> None:
        line = QTextEdit.ExtraSelection()
        line.format.setBackground(self._theme.tokens.color("surface.hover", 110))  # type: ignore[attr-defined]
        line.format.setProperty(QTextFormat.Property.FullWidthSelection, True)  # type: ignore[attr-defined]
        line.cursor = self.textCursor()  # type: ignore[attr-defined]
        line.cursor.clearSelection()  # type: ignore[attr-defined]
        self.setExtraSelections([line, *self._matches])
        self._numbers.update()


class _LineNumbers(QWidget):
    def __init__(self, editor: CodeEditor) -> None:
        super().__init__(editor)
        self._editor = editor
        self.setAccessibleName(self.tr("Line numbers"))

    def sizeHint(self) -> QSize:
        return QSize(self._editor.number_width(), 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        self._editor.paint_numbers(event)
