"""The files of one container's log: opened while they are there, read in order, counted when lost.

The engine renames its log at every rotation (``x-json.log``, ``.1``, ``.2`` …, the highest number
is the oldest) and removes what is beyond its limit. A file that is open stays readable, so each is
opened as soon as it is seen. One that the engine has removed before its turn came is beyond what
the log may take: it is not read, its lines are counted.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

_READ_BYTES = 1024 * 1024
# An entry, with a piece of 16 KiB of which each byte is escaped, is in it.
_SEEK_BYTES = 256 * 1024
_FileId = tuple[int, int]


class Lost(msgspec.Struct, frozen=True):
    """What is not there any more: so many lines, and whether more of them cannot be known."""

    lines: int = 0
    is_unknown: bool = False

    def __bool__(self) -> bool:
        return bool(self.lines) or self.is_unknown


class LogFiles:
    """A container's log as one stream of bytes.

    Args:
        path: of the newest file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._current: BinaryIO | None = None
        # With each, whether nobody knows what came before it.
        self._waiting: deque[tuple[BinaryIO, bool]] = deque()
        self._newest: _FileId | None = None
        self._lost = Lost()

    @property
    def current(self) -> BinaryIO | None:
        """The file that is read, None before the first."""
        return self._current

    @property
    def has_next(self) -> bool:
        """Whether a younger file is open: nothing is appended to this one any more."""
        return bool(self._waiting)

    def close(self) -> None:
        """Close all of them."""
        for file in (self._current, *(waiting for waiting, _ in self._waiting)):
            if file is not None:
                file.close()
        self._current = None
        self._waiting.clear()

    def look(self) -> None:
        """Open the files that are new since the last look."""
        try:
            newest = os.stat(self._path)  # noqa: PTH116 - looked at before every piece
        except OSError:
            return
        if (newest.st_dev, newest.st_ino) == self._newest:
            return
        found, has_known = self._open_new()
        if not found:
            return
        is_after_gap = self._newest is not None and not has_known
        self._newest = _id_of(found[-1])
        for file in found:
            self._waiting.append((file, is_after_gap))
            is_after_gap = False

    def take_next(self) -> BinaryIO | None:
        """Go on to the next file that is still the engine's; None when there is none."""
        while self._waiting:
            file, is_unknown = self._waiting.popleft()
            is_gone = self._current is not None and os.fstat(file.fileno()).st_nlink == 0
            lines = self._lost.lines + (_count_lines(file) if is_gone else 0)
            self._lost = Lost(lines, is_unknown=self._lost.is_unknown or is_unknown)
            if is_gone:
                file.close()
                continue
            if self._current is not None:
                self._current.close()
            self._current = file
            return file
        return None

    def take_lost(self) -> Lost:
        """Return what was lost since this was asked last."""
        lost, self._lost = self._lost, Lost()
        return lost

    def skip_to(self, is_before: Callable[[bytes], bool]) -> None:
        """Pass over whole files, and most of one, that are before what is wanted.

        Args:
            is_before: tells of an entry whether it is too old; not of one that cannot be read.
        """
        while len(self._waiting) > 1 and is_before(_first_entry(self._waiting[1][0], 0)):
            self._waiting.popleft()[0].close()
        if not self._waiting:
            return
        file = self._waiting[0][0]
        low, high = 0, os.fstat(file.fileno()).st_size
        while high - low > _SEEK_BYTES:
            middle = (low + high) // 2
            if is_before(_first_entry(file, middle)):
                low = middle
            else:
                high = middle
        file.seek(low)
        if low:
            # The rest of an entry that begins before.
            part = file.read(_SEEK_BYTES)
            file.seek(low + part.find(b"\n") + 1)

    def _open_new(self) -> tuple[list[BinaryIO], bool]:
        """Return files that are not known, oldest first, and whether the known ones end there.

        From the newest to the oldest: a rotation meanwhile moves files the same way, so that none
        is missed, and one that is met twice is known by its number.
        """
        found: list[BinaryIO] = []
        seen: set[_FileId] = set()
        for path in self._paths():
            try:
                file = path.open("rb", buffering=0)
            except OSError:
                continue
            found_id = _id_of(file)
            if found_id == self._newest:
                file.close()
                return found[::-1], True
            if found_id in seen:
                file.close()
                continue
            seen.add(found_id)
            found.append(file)  # type: ignore[arg-type]
        return found[::-1], False

    def _paths(self) -> list[Path]:
        prefix = f"{self._path.name}."
        numbers = [
            int(name.removeprefix(prefix))
            for name in os.listdir(self._path.parent)  # noqa: PTH208 - names are enough
            if name.startswith(prefix) and name.removeprefix(prefix).isdigit()
        ]
        # One more: the oldest may be moved on while they are opened.
        last = max(numbers, default=0) + 1
        return [self._path, *(Path(f"{self._path}.{number}") for number in range(1, last + 1))]


def _id_of(file: BinaryIO) -> _FileId:
    info = os.fstat(file.fileno())
    return info.st_dev, info.st_ino


def _count_lines(file: BinaryIO) -> int:
    lines = 0
    while data := file.read(_READ_BYTES):
        lines += data.count(b"\n")
    return lines


def _first_entry(file: BinaryIO, offset: int) -> bytes:
    """Return the first whole entry at or after an offset, empty when there is none near."""
    data = os.pread(file.fileno(), _SEEK_BYTES, offset)
    if offset:
        _, _, data = data.partition(b"\n")
    return data.partition(b"\n")[0]
