"""Bytes of a file, sixteen a row: only what is on the screen is read."""

from __future__ import annotations

import asyncio
import os
import stat
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from slate_desktop.domain.sizes import format_bytes
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.translation import message, plural, translate
from slate_desktop.ui.theme import Theme

ROW_BYTES = 16
_PAGE_BYTES = 65_536
_MAX_PAGES = 16
_MAX_ROWS = 2**31 - 64
_MAGIC = (
    (b"\x89PNG", message("PNG image")),
    (b"\xff\xd8\xff", message("JPEG image")),
    (b"GIF8", message("GIF image")),
    (b"DDS ", message("DDS texture")),
    (b"\xabKTX 20", message("KTX2 texture")),
    (b"glTF", message("binary glTF")),
    (b"OggS", message("Ogg container")),
    (b"fLaC", message("FLAC audio")),
    (b"RIFF", message("RIFF container")),
    (b"PK\x03\x04", message("ZIP archive")),
    (b"\x1f\x8b", message("gzip archive")),
    (b"\x28\xb5\x2f\xfd", message("Zstandard archive")),
    (b"7z\xbc\xaf", message("7-Zip archive")),
    (b"\x7fELF", message("ELF program")),
    (b"MZ", message("Windows program")),
    (b"%PDF", message("PDF document")),
    (b"SQLite format 3", message("SQLite database")),
    (b"GDPC", message("Godot package")),
    (b"UnityFS", message("Unity bundle")),
    (b"\xc1\x83\x2a\x9e", message("Unreal package")),
    (b"BLENDER", message("Blender scene")),
    (b"Kaydara FBX", message("FBX scene")),
)


def facts_of(path: Path) -> list[tuple[str, str]]:
    """Return what can be said of any file: name and value.

    Raises:
        CommandError: it is no regular file.
        OSError: it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise CommandError(ErrorCode.BAD_REQUEST, f"{path} is no regular file.")
        head = os.read(fd, 64)
    finally:
        os.close(fd)
    kind = next((words for magic, words in _MAGIC if head.startswith(magic)), message("unknown"))
    if not head:
        kind = message("empty file")
    exact = plural("{count:,} byte", "{count:,} bytes", info.st_size)
    moment = datetime.fromtimestamp(info.st_mtime, UTC).astimezone()
    return [
        (translate("Kind"), translate(kind)),
        (translate("Size"), f"{format_bytes(info.st_size)} ({exact})"),
        (translate("Changed"), moment.strftime("%Y-%m-%d %H:%M:%S")),
        (translate("Access"), stat.filemode(info.st_mode)),
    ]


class HexView(QAbstractScrollArea):
    """Offsets, bytes and their characters."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._path: Path | None = None
        self._size = 0
        self._pages: OrderedDict[int, bytes] = OrderedDict()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Bytes"))
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    async def open(self, path: Path) -> None:
        """Show a file.

        Raises:
            OSError: it cannot be read.
        """
        info = await asyncio.to_thread(path.stat)
        self._pages.clear()
        self._path, self._size = path, info.st_size
        self._measure()
        self.viewport().update()

    @property
    def row_count(self) -> int:
        """How many rows the file has."""
        return min(-(-self._size // ROW_BYTES), _MAX_ROWS)

    def row_text(self, row: int) -> tuple[str, str, str]:
        """Return offset, bytes and characters of a row."""
        data = self._bytes(row * ROW_BYTES, ROW_BYTES)
        halves = (data[:8].hex(" "), data[8:].hex(" "))
        shown = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in data)
        return f"{row * ROW_BYTES:08x}", f"{halves[0]:<23}  {halves[1]:<23}", shown

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows in sight."""
        painter = QPainter(self.viewport())
        tokens = self._theme.tokens
        painter.fillRect(event.rect(), tokens.color("surface.input"))
        painter.setFont(self.font())
        height, letter = self._row_height(), self.fontMetrics().horizontalAdvance("0")
        left = 12 - self.horizontalScrollBar().value()
        first = self.verticalScrollBar().value()
        for line in range(self.viewport().height() // height + 1):
            row = first + line
            if row >= self.row_count:
                break
            x = left
            for text, role, width in zip(
                self.row_text(row), ("text.faint", "text.normal", "accent.text"), (10, 50, 18),
                strict=True,
            ):  # fmt: skip
                painter.setPen(tokens.color(role))
                area = QRect(x, line * height, letter * width, height)
                painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter), text)
                x += letter * width

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Set the scroll bars."""
        super().resizeEvent(event)
        self._measure()

    def _bytes(self, offset: int, count: int) -> bytes:
        page = offset // _PAGE_BYTES
        if page not in self._pages:
            self._pages[page] = self._read(page * _PAGE_BYTES)
            if len(self._pages) > _MAX_PAGES:
                self._pages.popitem(last=False)
        start = offset - page * _PAGE_BYTES
        return self._pages[page][start : start + count]

    def _read(self, offset: int) -> bytes:
        if self._path is None:
            return b""
        try:
            with self._path.open("rb") as file:
                file.seek(offset)
                return file.read(_PAGE_BYTES)
        except OSError:
            return b""

    def _measure(self) -> None:
        rows = max(1, self.viewport().height() // self._row_height())
        self.verticalScrollBar().setRange(0, max(0, self.row_count - rows))
        self.verticalScrollBar().setPageStep(rows)
        width = self.fontMetrics().horizontalAdvance("0") * 78 + 24
        self.horizontalScrollBar().setRange(0, max(0, width - self.viewport().width()))
        self.horizontalScrollBar().setPageStep(self.viewport().width())

    def _row_height(self) -> int:
        return self.fontMetrics().height() + 3

    def _on_theme_changed(self) -> None:
        self.setFont(self._theme.mono_font())
        self._measure()
        self.viewport().update()
