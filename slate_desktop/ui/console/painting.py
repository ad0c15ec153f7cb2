"""Paints one row of a log: what its ``RowText`` says, with terminal colours, marks, selection.

Owns fonts, colours and where the parts of a row are on the screen; knows nothing of scrolling.
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from slate_desktop.domain.logs import LogLevel
from slate_desktop.ui.console import ansi, gutter, wrapping
from slate_desktop.ui.console.row_text import Piece, RowText, is_gap
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.console import LogRow

# Left of the text is the gutter, where marks stand.
MARGIN = 18
_STRIPE = 3
_PILL_GAP = 8
_SOURCE_ROLES = ("graph.cpu", "graph.memory", "graph.down", "graph.up", "level.warn", "level.info")


class RowPainter:
    """The look of a row. One per view."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.rows = RowText()
        self.pattern: re.Pattern[str] | None = None
        # Number, first and last column of the match that the search stands at.
        self.current: tuple[int, int, int] | None = None
        # Number, first and last column of the text of the place that the pointer is over.
        self.link: tuple[int, int, int] | None = None
        self.marks: Set[int] = frozenset()
        self.apply_theme()

    def apply_theme(self) -> None:
        """Take fonts and colours of the theme."""
        tokens = self._theme.tokens
        self.font = self._theme.mono_font()
        self._bold = QFont(self.font)
        self._bold.setBold(True)
        self._metrics = QFontMetricsF(self.font)
        self.char_width = self._metrics.horizontalAdvance("0")
        self.row_height = max(1, round(self._metrics.height() * 1.22))
        self.baseline = (self.row_height - self._metrics.height()) / 2 + self._metrics.ascent()
        # A font of its own cuts lines of its own.
        metrics, char_width = self._metrics, self.char_width
        self._columns_of = lru_cache(4096)(
            lambda char: metrics.horizontalAdvance(char) / char_width
        )
        self._ansi = [QColor(value) for value in tokens.ansi]
        self._level_colors = {level: tokens.color(f"level.{level.value}") for level in LogLevel}
        self._source_colors = [tokens.color(role) for role in _SOURCE_ROLES]
        self.back = tokens.color("surface.input")
        self._fore = tokens.color("text.normal")
        self._muted = tokens.color("text.muted")
        self._faint = tokens.color("text.faint")
        self._row_back = {
            LogLevel.ERROR: tokens.color("mark.error_row"),
            LogLevel.WARN: tokens.color("mark.warn_row"),
        }
        self._selected = tokens.color("surface.selected")
        self._on_selected = tokens.color("text.on_selected")
        self._mark = tokens.color("mark.search")
        self._mark_current = tokens.color("mark.search_current")
        self._bookmark = tokens.color("graph.up")
        self._link = tokens.color("level.info")
        self._alert = tokens.color("state.warn")

    # -- measuring -------------------------------------------------------------------------

    def advance(self, text: str) -> float:
        """Return the width of a text in pixels."""
        if text.isascii():
            return len(text) * self.char_width
        return self._metrics.horizontalAdvance(text)

    def column_at(self, text: str, x: float) -> int:
        """Return the column of ``text`` at ``x`` pixels from its start."""
        if text.isascii():
            column = round(x / self.char_width)
        else:
            ends = (i for i in range(len(text)) if self.advance(text[: i + 1]) > x)
            column = next(ends, len(text))
        return max(0, min(len(text), column))

    def spans(self, row: LogRow, width: int) -> tuple[wrapping.Span, ...]:
        """Return the lines on the screen that a row takes when it is wrapped to ``width``."""
        prefix = len(self.rows.prefix(row))
        return wrapping.cut(self.rows.text(row), prefix, self._columns(width), self._columns_of)

    def indent(self, row: LogRow, width: int) -> float:
        """Return where further lines of a wrapped row begin, in pixels behind the margin."""
        columns = wrapping.indent_of(len(self.rows.prefix(row)), self._columns(width))
        return columns * self.char_width

    def pill_text(self, row: LogRow) -> str:
        """Return what says how often a line comes, empty for one that comes once."""
        if not row.repeats:
            return ""
        return f"{'▾' if row.is_opened else '▸'} ×{row.repeats + 1:,}"

    def pill_width(self, row: LogRow) -> float:
        """Return how much of the right edge the number of repetitions takes."""
        text = self.pill_text(row)
        return self.advance(text) + 3 * _PILL_GAP if text else 0.0

    # -- painting --------------------------------------------------------------------------

    def paint(
        self,
        painter: QPainter,
        row: LogRow,
        top: int,
        left: float,
        width: int,
        selected: tuple[int, int | None] | None,
    ) -> int:
        """Paint a row as one line and return its length in columns.

        Args:
            painter: set to ``font``.
            row: the row.
            top: its upper edge in pixels.
            left: where its text begins, negative when scrolled.
            width: of the viewport.
            selected: first and last selected column (None: to the end and on), or None.
        """
        pieces = self.rows.pieces(row)
        text = self.rows.text(row, pieces)
        self._paint_ground(painter, row, top, width, self.row_height)
        self._paint_text(painter, row, pieces, text, top, left, width, selected)
        self._paint_edges(painter, row, top, width)
        return len(text)

    def paint_wrapped(
        self,
        painter: QPainter,
        row: LogRow,
        top: int,
        width: int,
        spans: tuple[wrapping.Span, ...],
        selected: tuple[int, int | None] | None,
    ) -> None:
        """Paint a row as the lines that ``spans`` says; arguments as of ``paint``."""
        pieces = self.rows.pieces(row)
        text = self.rows.text(row, pieces)
        self._paint_ground(painter, row, top, width, self.row_height * len(spans))
        indent = self.indent(row, width) if len(spans) > 1 else 0.0
        for number, (start, end) in enumerate(spans):
            line_top = top + number * self.row_height
            if line_top + self.row_height < 0:
                continue
            # Each line is the whole row, moved, seen through a window of its own.
            x = MARGIN + (indent if number else 0.0)
            break_width = self.char_width if number == len(spans) - 1 else 0.0
            shown = self.advance(text[start:end]) + break_width
            painter.setClipRect(QRectF(x, line_top, shown, self.row_height))
            left = x - self.advance(text[:start])
            self._paint_text(painter, row, pieces, text, line_top, left, width, selected)
        painter.setClipping(False)
        self._paint_edges(painter, row, top, width)

    # -- private ---------------------------------------------------------------------------

    def _columns(self, width: int) -> int:
        return int((width - MARGIN - _PILL_GAP) / self.char_width)

    def _paint_ground(
        self, painter: QPainter, row: LogRow, top: int, width: int, height: int
    ) -> None:
        back = self._row_back.get(row.level) if not is_gap(row) else None
        if back is not None:
            painter.fillRect(0, top, width, height, back)
            painter.fillRect(0, top, _STRIPE, height, self._level_colors[row.level])

    def _paint_text(
        self,
        painter: QPainter,
        row: LogRow,
        pieces: list[Piece],
        text: str,
        top: int,
        left: float,
        width: int,
        selected: tuple[int, int | None] | None,
    ) -> None:
        if is_gap(row):
            painter.setPen(self._faint)
            painter.drawText(QPointF(left, top + self.baseline), text)
            return
        self._paint_marks(painter, text, row, top, left)
        self._paint_line(painter, row, pieces, top, left, width)
        if selected is not None:
            self._paint_selection(painter, text, selected, top, left)
        if self.link is not None and self.link[0] == row.seq:
            _, start, end = self.link
            x, y = left + self.advance(text[:start]), top + self.baseline + 2
            painter.setPen(self._link)
            painter.drawLine(QPointF(x, y), QPointF(x + self.advance(text[start:end]), y))

    def _paint_line(
        self,
        painter: QPainter,
        row: LogRow,
        pieces: list[Piece],
        top: int,
        x: float,
        width: int,
    ) -> None:
        y = top + self.baseline
        for text, role in pieces:
            if role == "level":
                painter.setPen(self._level_colors[row.level])
            elif role == "source":
                painter.setPen(self._source_colors[row.source % len(self._source_colors)])
            else:
                painter.setPen(self._faint if role == "time" else self._muted)
            painter.drawText(QPointF(x, y), text)
            x += self.advance(text)
        default = self._fore if row.level is not LogLevel.DEBUG else self._faint
        for run in ansi.parse(self.rows.message(row)):
            run_width = self.advance(run.text)
            if x > width:
                break
            if x + run_width >= 0:
                rect = QRectF(x, top, run_width, self.row_height)
                self._paint_run(painter, run, rect, width, default)
            x += run_width

    def _paint_run(
        self, painter: QPainter, run: ansi.Run, rect: QRectF, width: int, default: QColor
    ) -> None:
        style = run.style
        fore, back = self._color(style.fg) or default, self._color(style.bg)
        if style.inverse:
            fore, back = back or self.back, fore
        if back is not None:
            painter.fillRect(rect, back)
        if style.dim:
            fore = QColor(fore)
            fore.setAlpha(190)
        is_special = style.bold or style.italic or style.underline or style.strike
        if is_special:
            font = QFont(self._bold if style.bold else self.font)
            font.setItalic(style.italic)
            font.setUnderline(style.underline)
            font.setStrikeOut(style.strike)
            painter.setFont(font)
        painter.setPen(fore)
        text, x = run.text, rect.x()
        if text.isascii() and len(text) > 512:
            # A line of 64 KiB: shape only what is on the screen.
            skipped = max(0, int(-x / self.char_width))
            shown = int(width / self.char_width) + 2
            text, x = text[skipped : skipped + shown], x + skipped * self.char_width
        painter.drawText(QPointF(x, rect.y() + self.baseline), text)
        if is_special:
            painter.setFont(self.font)

    def _paint_marks(
        self, painter: QPainter, text: str, row: LogRow, top: int, left: float
    ) -> None:
        if self.pattern is None:
            return
        offset = len(self.rows.prefix(row))
        for found in self.pattern.finditer(text[offset:]):
            start, end = found.start() + offset, found.end() + offset
            if start == end:
                continue
            is_current = self.current == (row.seq, found.start(), found.end())
            rect = QRectF(
                left + self.advance(text[:start]),
                top,
                self.advance(text[start:end]),
                self.row_height,
            )
            painter.fillRect(rect, self._mark_current if is_current else self._mark)

    def _paint_selection(
        self, painter: QPainter, text: str, selected: tuple[int, int | None], top: int, left: float
    ) -> None:
        start, end = selected
        chosen = text[start:end]
        x = left + self.advance(text[:start])
        # A selected line break shows as one more column.
        width = self.advance(chosen) + (self.char_width if end is None else 0)
        painter.fillRect(QRectF(x, top, width, self.row_height), self._selected)
        painter.setPen(self._on_selected)
        painter.drawText(QPointF(x, top + self.baseline), chosen)

    def _paint_edges(self, painter: QPainter, row: LogRow, top: int, width: int) -> None:
        """Paint what stands in the gutter, and at the right how often the line comes."""
        if row.seq in self.marks and not is_gap(row):
            gutter.paint_mark(painter, _STRIPE + 2, top, self.row_height, self._bookmark)
        elif gutter.is_alert(row):
            gutter.paint_alert(painter, _STRIPE + 2, top, self.row_height, self._alert)
        if text := self.pill_text(row):
            text_width = self.advance(text)
            rect = QRectF(
                width - text_width - 2 * _PILL_GAP, top + 1, text_width + 12, self.row_height - 2
            )
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._selected)
            painter.drawRoundedRect(rect, 4, 4)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setPen(self._on_selected)
            painter.drawText(QPointF(rect.x() + 6, top + self.baseline), text)

    def _color(self, value: int | str | None) -> QColor | None:
        if value is None:
            return None
        return self._ansi[value] if isinstance(value, int) else QColor(value)
