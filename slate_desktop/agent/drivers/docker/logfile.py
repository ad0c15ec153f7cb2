"""Reads the engine's own json-file log from disk, where the agent may.

The engine's followers are slow, and lose lines when a log is rotated under them. The file holds the
same stamps and the same order, so that a frame read here and one read from the engine are equal.

Source: https://docs.docker.com/engine/logging/drivers/json-file/
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import msgspec

from slate_desktop.agent.drivers.base import LogFrame
from slate_desktop.agent.drivers.docker.frames import PIECE_BYTES, parse_second_ns

_READ_BYTES = 256 * 1024
# `-json.log.1` is younger than `-json.log.2`.
_MAX_ROTATED = 9
# `2026-01-01T00:00:00.000000000Z`: the engine leaves zeros at the end out.
_WHOLE_STAMP = 30


class _Entry(msgspec.Struct, gc=False):
    stream: str = "stdout"
    time: str = ""
    log: str = ""


class JsonLogReader:
    """Reads a container's log from a moment on, across rotations, a piece at a time."""

    def __init__(self, path: Path, since_ns: int) -> None:
        self._path = path
        self._since_ns = since_ns
        self._file: BinaryIO | None = None
        self._rest = b""
        self._decoder = msgspec.json.Decoder(_Entry)
        self._second = ""
        self._second_ns = 0
        self._last: dict[str, tuple[int, int]] = {}
        self._is_after_gap = False

    def read(self) -> list[LogFrame]:
        """Return the next frames; an empty list when there is nothing more for now."""
        while True:
            if self._file is None and not self._open_next(None):
                return []
            assert self._file is not None  # noqa: S101 - opened above
            data = self._file.read(_READ_BYTES)
            if data:
                if frames := self._parse(data):
                    return frames
                continue
            # Renamed files get no more lines once a younger one exists; what came first is read.
            if not self._is_rotated() or (data := self._file.read(_READ_BYTES)):
                if data:
                    return self._parse(data)
                return []
            if not self._open_next(os.fstat(self._file.fileno())):
                return []

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _files(self) -> list[Path]:
        """Return the log's files, oldest first."""
        rotated = [Path(f"{self._path}.{number}") for number in range(_MAX_ROTATED, 0, -1)]
        return [path for path in [*rotated, self._path] if path.exists()]

    def _is_rotated(self) -> bool:
        if self._file is None:
            return False
        try:
            newest = self._path.stat()
        except OSError:
            return False
        own = os.fstat(self._file.fileno())
        return (newest.st_dev, newest.st_ino) != (own.st_dev, own.st_ino)

    def _open_next(self, current: os.stat_result | None) -> bool:
        """Open the file after the one that was read, or the oldest there is."""
        chosen: BinaryIO | None = None
        for path in self._files():
            try:
                file = path.open("rb", buffering=0)
            except OSError:
                continue
            info = os.fstat(file.fileno())
            is_current = current is not None and (info.st_dev, info.st_ino) == (
                current.st_dev,
                current.st_ino,
            )
            if is_current:
                # Everything before it is older.
                if chosen is not None:
                    chosen.close()
                file.close()
                chosen, current = None, None
            elif chosen is None:
                chosen = file  # type: ignore[assignment]
            else:
                file.close()
        if chosen is None:
            return False
        # The file that was read is no more, and so may be others that came after it.
        self._is_after_gap = current is not None
        self.close()
        self._file, self._rest = chosen, b""
        return True

    def _parse(self, data: bytes) -> list[LogFrame]:
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        frames: list[LogFrame] = []
        # This loop is what a flood costs: what it needs is at hand, and most lines take one way.
        last, since_ns, stamp, append = self._last, self._since_ns, self._stamp, frames.append
        for entry in self._entries(data[:end]):
            ts_ns = stamp(entry.time)
            if ts_ns is None or ts_ns < since_ns:
                continue
            stream, log = entry.stream, entry.log
            previous = last.get(stream)
            order = previous[1] + 1 if previous is not None and previous[0] == ts_ns else 0
            last[stream] = (ts_ns, order)
            if log[-1:] == "\n":
                text = log[: -2 if log[-2:-1] == "\r" else -1].encode("utf-8", "replace")
                append(LogFrame(stream=stream, ts_ns=ts_ns, ord=order, data=text))
            else:
                text = log.encode("utf-8", "replace")
                is_piece = len(text) >= PIECE_BYTES
                append(LogFrame(stream=stream, ts_ns=ts_ns, ord=order, data=text, partial=is_piece))
        if frames and self._is_after_gap:
            frames[0] = msgspec.structs.replace(frames[0], is_after_gap=True)
            self._is_after_gap = False
        return frames

    def _entries(self, data: bytes) -> list[_Entry]:
        try:
            return self._decoder.decode_lines(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return [entry for line in data.split(b"\n") if (entry := self._entry(line))]

    def _entry(self, line: bytes) -> _Entry | None:
        """Read one line; a torn one, as a crash of the machine leaves it, is left out."""
        try:
            return self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def _stamp(self, text: str) -> int | None:
        if len(text) == _WHOLE_STAMP and text.startswith(self._second) and self._second:
            fraction = text[20:29]
            if fraction.isdigit():
                return self._second_ns + int(fraction)
        second = text[:19]
        if second != self._second:
            parsed = parse_second_ns(second.encode("ascii", "replace"))
            if parsed is None:
                return None
            self._second, self._second_ns = second, parsed
        fraction = text[20:-1]
        return self._second_ns + (int(fraction.ljust(9, "0")) if fraction.isdigit() else 0)
