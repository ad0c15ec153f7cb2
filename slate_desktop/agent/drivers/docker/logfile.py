"""Reads the engine's own json-file log from disk, where the agent may.

The engine's followers are slow, and lose lines when a log is rotated under them. The file holds the
same stamps and the same order, so that a frame read here and one read from the engine are equal.

Source: https://docs.docker.com/engine/logging/drivers/json-file/
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from slate_desktop.agent.drivers.base import LogFrame
from slate_desktop.agent.drivers.docker.frames import PIECE_BYTES, parse_second_ns
from slate_desktop.agent.drivers.docker.logfiles import LogFiles

_READ_BYTES = 256 * 1024
# Lines of two streams may stand in the file in another order than their stamps.
_DISORDER_NS = 1_000_000_000
# `2026-01-01T00:00:00.000000000Z`: the engine leaves zeros at the end out.
_WHOLE_STAMP = 30


class _Entry(msgspec.Struct, gc=False):
    stream: str = "stdout"
    time: str = ""
    log: str = ""


class JsonLogReader:
    """Reads a container's log from a moment on, across rotations, a piece at a time."""

    def __init__(self, path: Path, since_ns: int) -> None:
        self._since_ns = since_ns
        self._files = LogFiles(path)
        self._rest = b""
        self._decoder = msgspec.json.Decoder(_Entry)
        self._second = ""
        self._second_ns = 0
        self._last: dict[str, tuple[int, int]] = {}

    def read(self) -> list[LogFrame]:
        """Return the next frames; an empty list when there is nothing more for now."""
        files = self._files
        while True:
            # Before reading: whatever comes meanwhile is opened before the engine removes it.
            files.look()
            if files.current is None:
                if self._since_ns:
                    files.skip_to(self._is_before)
                if files.take_next() is None:
                    return []
            assert files.current is not None  # noqa: S101 - opened above
            data = files.current.read(_READ_BYTES)
            if data or (files.has_next and (data := files.current.read(_READ_BYTES))):
                if frames := self._parse(data):
                    return frames
            elif files.take_next() is None:
                return []
            else:
                self._rest = b""

    def close(self) -> None:
        """Close what is open."""
        self._files.close()

    def _is_before(self, line: bytes) -> bool:
        entry = self._entry(line) if line else None
        ts_ns = self._stamp(entry.time) if entry is not None else None
        return ts_ns is not None and ts_ns < self._since_ns - _DISORDER_NS

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
        if frames and (lost := self._files.take_lost()):
            frames[0] = msgspec.structs.replace(
                frames[0], is_after_gap=lost.is_unknown, lost_lines=lost.lines
            )
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
