"""Lines of several sessions in columns: what was written at the same time stands side by side."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from slate_desktop.control.console_text import format_time, plain

if TYPE_CHECKING:
    from slate_desktop.control.log_merge import Placed

# Lines so near stand in one row.
_SAME_NS = 100_000_000
_BAR = " │ "
_LEAST = 20
# Of output that is no terminal.
_WIDTH = 160
_MARKS = {"warn": "W ", "error": "E ", "debug": "  ", "info": "  "}


def terminal_width() -> int:
    """Return how many characters a row may have."""
    return shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH


def _one_line(message: str) -> str:
    return " ".join(plain(message).split("\n")).replace("\t", "  ")


class LogColumns:
    """Puts lines into columns.

    Args:
        names: what stands above the columns.
        width: characters in a row; each column gets 20 at least.
    """

    def __init__(self, names: Sequence[str], width: int) -> None:
        self._names = names
        self._time = len(format_time(0))
        room = width - self._time - 1 - len(_BAR) * (len(names) - 1)
        self._width = max(_LEAST, room // len(names))

    def head(self) -> list[str]:
        """Return the names above their columns, and a rule."""
        names = [name[: self._width].ljust(self._width) for name in self._names]
        row = f"{'':{self._time}} {_BAR.join(names)}".rstrip()
        rule = "─" * (self._time + 1 + self._width)
        return [row, rule + ("─┼─" + "─" * self._width) * (len(names) - 1)]

    def rows(self, placed: Sequence[Placed]) -> Iterator[str]:
        """Yield rows for lines in the order of their times."""
        cells: dict[int, str] = {}
        begun_ns = 0
        for number, line in placed:
            if cells and (number in cells or line.timestamp_ns - begun_ns > _SAME_NS):
                yield self._row(begun_ns, cells)
                cells = {}
            if not cells:
                begun_ns = line.timestamp_ns
            cells[number] = _MARKS[line.level.value] + _one_line(line.message)
        if cells:
            yield self._row(begun_ns, cells)

    def _row(self, at_ns: int, cells: dict[int, str]) -> str:
        texts = [self._cell(cells.get(number, "")) for number in range(len(self._names))]
        return f"{format_time(at_ns)} {_BAR.join(texts)}".rstrip()

    def _cell(self, text: str) -> str:
        if len(text) > self._width:
            text = text[: self._width - 1] + "…"
        return text.ljust(self._width)
