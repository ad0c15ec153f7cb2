"""A page of Markdown with the rhythm of a document: room around it, and between its parts."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QPalette,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFormat,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
)
from PySide6.QtWidgets import QTextBrowser

from slate_desktop.ui.theme import mono_font

# In logical pixels.
_MARGIN, _INDENT, _CELL = 24.0, 22.0, 7.0
_LINE = 1.35
_CODE_INDENT = 10.0
_BELOW_PARAGRAPH, _BELOW_ITEM = 10.0, 5.0
# Of a heading by its level: size beside that of the text, room above and below in pixels.
_HEADINGS = {1: (1.75, 0.0, 12.0), 2: (1.3, 24.0, 8.0), 3: (1.1, 16.0, 6.0)}


class Page(QTextBrowser):
    """Shows Markdown. Its looks go with the theme and the zoom."""

    def __init__(self) -> None:
        super().__init__()
        self.setOpenLinks(False)
        self.setTabChangesFocus(True)
        self._is_styling = False

    def show_markdown(self, text: str) -> None:
        """Show another page."""
        self.setMarkdown(text)
        self._style()

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours and sizes of the theme."""
        super().changeEvent(event)
        looks = (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange)
        if event.type() in looks and not self.document().isEmpty():
            self._style()

    # -- private ---------------------------------------------------------------------------

    def _style(self) -> None:
        if self._is_styling:
            return
        self._is_styling = True
        document = self.document()
        document.setDocumentMargin(_MARGIN)
        document.setIndentWidth(_INDENT)
        cursor = QTextCursor(document)
        cursor.beginEditBlock()
        block = document.begin()
        while block.isValid():
            self._style_block(QTextCursor(block), block)
            block = block.next()
        for frame in document.rootFrame().childFrames():
            if isinstance(frame, QTextTable):
                self._style_table(frame)
        cursor.endEditBlock()
        self._is_styling = False

    def _style_block(self, cursor: QTextCursor, block: QTextBlock) -> None:
        given, form = block.blockFormat(), QTextBlockFormat()
        is_code, level = given.nonBreakableLines(), given.headingLevel()
        scale, above, below = _HEADINGS.get(level, _HEADINGS[3]) if level else (1.0, 0.0, 0.0)
        # Of a fixed height, as a sign from another font would push its line away from the others.
        height = QFontMetricsF(self.font()).height() * (1.2 * scale if level else _LINE)
        if not is_code:
            form.setLineHeight(height, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        if level:
            form.setTopMargin(above)
            form.setBottomMargin(below)
            self._style_heading(block, scale)
        elif is_code:
            self._style_code(form, block)
        elif cursor.currentTable() is not None:
            form.setTopMargin(0)
            form.setBottomMargin(0)
        else:
            is_item = block.textList() is not None and block.next().textList() is not None
            form.setTopMargin(0)
            form.setBottomMargin(_BELOW_ITEM if is_item else _BELOW_PARAGRAPH)
        cursor.mergeBlockFormat(form)
        self._style_words(block, is_code=is_code)

    def _style_heading(self, block: QTextBlock, scale: float) -> None:
        for start, length, given in _pieces(block):
            # Merged, the size that Markdown gives would count on top of it.
            given.clearProperty(QTextFormat.Property.FontSizeAdjustment)
            given.setFontPointSize(self.font().pointSizeF() * scale)
            given.setFontWeight(QFont.Weight.DemiBold)
            _selected(block, start, length).setCharFormat(given)

    def _style_code(self, form: QTextBlockFormat, block: QTextBlock) -> None:
        """Put lines of code on a ground of their own, as one."""
        form.setBackground(self.palette().color(QPalette.ColorRole.AlternateBase))
        form.setTopMargin(0)
        # Each line is a block of its own, whose ground would end where a margin begins.
        form.setTextIndent(_CODE_INDENT)
        is_last = not block.next().blockFormat().nonBreakableLines()
        form.setBottomMargin(_BELOW_PARAGRAPH if is_last else 0)

    def _style_words(self, block: QTextBlock, *, is_code: bool) -> None:
        """Let names in the text stand out as code does, and links have the theme's colour."""
        code, link, strong = QTextCharFormat(), QTextCharFormat(), QTextCharFormat()
        link.setForeground(self.palette().color(QPalette.ColorRole.Link))
        only_given = QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesSpecifiedOnly
        code.setFont(mono_font(), only_given)
        if not is_code:
            code.setBackground(self.palette().color(QPalette.ColorRole.AlternateBase))
        # The font has no bolder one; Qt would smear it.
        strong.setFontWeight(QFont.Weight.DemiBold)
        for start, length, given in _pieces(block):
            if given.fontFixedPitch():
                _selected(block, start, length).mergeCharFormat(code)
            if given.fontWeight() > QFont.Weight.DemiBold:
                _selected(block, start, length).mergeCharFormat(strong)
            if given.isAnchor():
                _selected(block, start, length).mergeCharFormat(link)

    def _style_table(self, table: QTextTable) -> None:
        """Draw a line below each row, and nothing else."""
        form = table.format()
        form.setBorder(0)
        form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_None)
        form.setBorderCollapse(True)
        form.setCellSpacing(0)
        form.setCellPadding(_CELL)
        form.setBottomMargin(_BELOW_PARAGRAPH + 4)
        form.setTopMargin(6)
        form.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
        table.setFormat(form)
        line = self.palette().color(QPalette.ColorRole.Mid)
        for row in range(table.rows()):
            for column in range(table.columns()):
                cell = table.cellAt(row, column)
                cell_form = cell.format().toTableCellFormat()
                cell_form.setBottomBorder(1)
                cell_form.setBottomBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
                cell_form.setBottomBorderBrush(line)
                cell.setFormat(cell_form)


def _pieces(block: QTextBlock) -> list[tuple[int, int, QTextCharFormat]]:
    """Return place, length and format of the parts of a block that look alike."""
    found = []
    piece = block.begin()
    while not piece.atEnd():
        part = piece.fragment()
        found.append((part.position(), part.length(), QTextCharFormat(part.charFormat())))
        piece += 1
    return found


def _selected(block: QTextBlock, start: int, length: int) -> QTextCursor:
    cursor = QTextCursor(block)
    cursor.setPosition(start)
    cursor.setPosition(start + length, QTextCursor.MoveMode.KeepAnchor)
    return cursor
