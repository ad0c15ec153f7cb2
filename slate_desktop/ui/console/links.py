"""Places of source files in the log: underlined under the pointer, opened by a click or a key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal

from slate_desktop.domain.source_places import SourcePlace, find_places
from slate_desktop.ui.console.row_text import is_gap
from slate_desktop.ui.console.selection import Place
from slate_desktop.ui.console.view import ConsoleView

if TYPE_CHECKING:
    from slate_desktop.control.console_chunks import LogRow

# find_file(number of the merged log, path): the file that a line names, None where there is none.
FindFile = Callable[["LogRow", str], Path | None]


class Links(QObject):
    """Emits ``wanted`` with a file and a line in it; only files that are there are links."""

    wanted = Signal(object, int)

    def __init__(self, view: ConsoleView, find_file: FindFile) -> None:
        super().__init__(view)
        self._view, self._find_file = view, find_file
        # What the pointer was over last: a file is looked for once, not at each move.
        self._seen: tuple[int, SourcePlace, Path | None] | None = None
        view.hovered.connect(self._on_hovered)
        view.clicked.connect(self._on_clicked)

    def open_chosen(self) -> bool:
        """Open the first place in the chosen line, or the last one named on the screen."""
        seq = self._view.chosen_seq
        chosen = self._view.row_of(seq) if seq is not None else None
        rows = [chosen] if chosen is not None else []
        for row in rows + self._view.visible_rows()[::-1]:
            for place in self._places(row):
                path = self._find_file(row, place.path)
                if path is not None:
                    self.wanted.emit(path, place.line)
                    return True
        return False

    def _places(self, row: LogRow) -> list[SourcePlace]:
        return [] if is_gap(row) else find_places(self._view.painting.rows.text(row))

    def _link_at(self, place: Place | None) -> tuple[int, SourcePlace, Path] | None:
        row = self._view.row_of(place.seq) if place is not None else None
        if place is None or row is None:
            return None
        # A column is the gap before a character: the end is no longer over it.
        over = (p for p in self._places(row) if p.start <= place.column < p.end)
        found = next(over, None)
        if found is None:
            return None
        if self._seen is None or self._seen[:2] != (row.seq, found):
            self._seen = (row.seq, found, self._find_file(row, found.path))
        path = self._seen[2]
        return (row.seq, found, path) if path is not None else None

    def _on_hovered(self, place: Place | None) -> None:
        found = self._link_at(place)
        link = (found[0], found[1].start, found[1].end) if found else None
        if link == self._view.painting.link:
            return
        self._view.painting.link = link
        port = self._view.viewport()
        shape = Qt.CursorShape.PointingHandCursor if link else Qt.CursorShape.IBeamCursor
        port.setCursor(shape)
        port.setToolTip(
            self.tr("Open {name} at line {line}").format(name=found[2].name, line=found[1].line)
            if found
            else ""
        )
        port.update()

    def _on_clicked(self, place: Place | None) -> None:
        found = self._link_at(place)
        if found is not None:
            self.wanted.emit(found[2], found[1].line)
