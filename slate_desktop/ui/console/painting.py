"""Paints one row of a log: time, level, message with its terminal colours, marks, selection.

Owns fonts, colours and the text of a row as it is shown; knows nothing of scrolling.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from slate_desktop.domain.logs import LogLevel
from slate_desktop.ui.console import ansi
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.console import LogRow

MARGIN = 10
# The message of a row for a number that no stored line has.
NEVER_STORED = "never stored"
_STRIPE = 3
_LEVEL_COLUMNS = 6
_TIME_COLUMNS = 13


class RowPainter:
    """The look of a row. One per view."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.has_times = True
        self.pattern: re.Pattern[str] | None = None
        # Number, first and last column of the match that the search stands at.
        self.current: tuple[int, int, int] | None = None
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
        self._baseline = (self.row_height - self._metrics.height()) / 2 + self._metrics.ascent()
        self._ansi = [QColor(value) for value in tokens.ansi]
        self._level_colors = {level: tokens.color(f"level.{level.value}") for level in LogLevel}
        self.back = tokens.color("surface.input")
        self._fore = tokens.color("text.normal")
        self._faint = tokens.color("text.faint")
        self._row_back = {
            LogLevel.ERROR: tokens.color("mark.error_row"),
            LogLevel.WARN: tokens.color("mark.warn_row"),
        }
        self._selected = tokens.color("surface.selected")
        self._on_selected = tokens.color("text.on_selected")
        self._mark = tokens.color("mark.search")
        self._mark_current = tokens.color("mark.search_current")

    def prefix(self, row: LogRow) -> str:
        """Return what stands before the message."""
        if is_gap(row):
            return ""
        level = row.level.value.upper().ljust(_LEVEL_COLUMNS)
        return f"{format_clock(row.timestamp_ns)} {level}" if self.has_times else level

    def text(self, row: LogRow) -> str:
        """Return a row as it is shown and copied."""
        if row.kind.name == "WAITING":
            return "…"
        if is_gap(row):
            if row.message == NEVER_STORED:
                return f"… line {row.seq:,} was lost before it was stored …"
            count = row.last_seq - row.seq + 1
            return f"… {count:,} line{'s are' if count > 1 else ' is'} being fetched …"
        return self.prefix(row) + ansi.strip(row.message)

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

    def paint(
        self,
        painter: QPainter,
        row: LogRow,
        top: int,
        left: float,
        width: int,
        selected: tuple[int, int | None] | None,
    ) -> int:
        """Paint a row and return its length in columns.

        Args:
            painter: set to ``font``.
            row: the row.
            top: its upper edge in pixels.
            left: where its text begins, negative when scrolled.
            width: of the viewport.
            selected: first and last selected column (None: to the end and on), or None.
        """
        text = self.text(row)
        if is_gap(row):
            painter.setPen(self._faint)
            painter.drawText(QPointF(left, top + self._baseline), text)
            return len(text)
        back = self._row_back.get(row.level)
        if back is not None:
            painter.fillRect(0, top, width, self.row_height, back)
            painter.fillRect(0, top, _STRIPE, self.row_height, self._level_colors[row.level])
        self._paint_marks(painter, text, row, top, left)
        self._paint_line(painter, row, top, left, width)
        if selected is not None:
            self._paint_selection(painter, text, selected, top, left)
        return len(text)

    def _paint_line(self, painter: QPainter, row: LogRow, top: int, x: float, width: int) -> None:
        y = top + self._baseline
        if self.has_times:
            painter.setPen(self._faint)
            painter.drawText(QPointF(x, y), format_clock(row.timestamp_ns))
            x += _TIME_COLUMNS * self.char_width
        painter.setPen(self._level_colors[row.level])
        painter.drawText(QPointF(x, y), row.level.value.upper())
        x += _LEVEL_COLUMNS * self.char_width
        default = self._fore if row.level is not LogLevel.DEBUG else self._faint
        for run in ansi.parse(row.message):
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
        painter.drawText(QPointF(x, rect.y() + self._baseline), text)
        if is_special:
            painter.setFont(self.font)

    def _paint_marks(
        self, painter: QPainter, text: str, row: LogRow, top: int, left: float
    ) -> None:
        if self.pattern is None:
            return
        offset = len(self.prefix(row))
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
        painter.drawText(QPointF(x, top + self._baseline), chosen)

    def _color(self, value: int | str | None) -> QColor | None:
        if value is None:
            return None
        return self._ansi[value] if isinstance(value, int) else QColor(value)


def is_gap(row: LogRow) -> bool:
    """Tell whether a row has no line (yet); RowKind is imported after the first paint."""
    return row.kind.name != "LINE"


@lru_cache(maxsize=64)
def _clock_of_second(second: int) -> str:
    return datetime.fromtimestamp(second, tz=UTC).astimezone().strftime("%H:%M:%S")


def format_clock(timestamp_ns: int) -> str:
    """Return the local time of day with milliseconds."""
    second, rest = divmod(timestamp_ns, 1_000_000_000)
    return f"{_clock_of_second(second)}.{rest // 1_000_000:03d}"
