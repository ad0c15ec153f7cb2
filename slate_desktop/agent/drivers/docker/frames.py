"""The engine's stream format: 8-byte frame headers, and time-stamped log lines in the frames.

Source: https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
"""

from __future__ import annotations

import calendar
import struct
import time

from slate_desktop.agent.drivers.base import LogFrame

_HEADER = struct.Struct(">BxxxI")
STREAM_NAMES = {0: "stdout", 1: "stdout", 2: "stderr"}
# `2026-01-02T03:04:05.000000000Z` and a space: the engine pads the fraction to nine digits.
_STAMP_BYTES = 30
# The engine cuts longer lines into pieces of this size.
PIECE_BYTES = 16 * 1024


class Demuxer:
    """Cuts a byte stream into ``(stream, payload)`` frames, wherever the reads fall."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the frames that are complete now."""
        if self._rest:
            data = self._rest + data
        frames: list[tuple[int, bytes]] = []
        position, end = 0, len(data)
        unpack = _HEADER.unpack_from
        while position + 8 <= end:
            stream, size = unpack(data, position)
            stop = position + 8 + size
            if stop > end:
                break
            frames.append((stream, data[position + 8 : stop]))
            position = stop
        self._rest = data[position:]
        return frames


class LogParser:
    """Turns frames of ``logs?timestamps=1`` into numbered ``LogFrame`` values.

    ``ord`` counts frames of one stream with the same stamp. The engine's ``since`` is inclusive, so
    a reading that begins at a stamp counts all of its frames and gives the same numbers.
    """

    def __init__(self) -> None:
        self._demuxer = Demuxer()
        self._second = b""
        self._second_ns = 0
        self._last: dict[int, tuple[int, int]] = {}

    def feed(self, data: bytes) -> list[LogFrame]:
        """Return the log frames that are complete now."""
        out: list[LogFrame] = []
        last = self._last
        for stream, payload in self._demuxer.feed(data):
            second = payload[:19]
            if second != self._second:
                parsed = parse_second_ns(second)
                if parsed is None:
                    continue
                self._second, self._second_ns = second, parsed
            ts_ns = self._second_ns + _fraction(payload)
            previous = last.get(stream)
            order = previous[1] + 1 if previous is not None and previous[0] == ts_ns else 0
            last[stream] = (ts_ns, order)
            has_end = payload.endswith(b"\n")
            text = payload[_STAMP_BYTES + 1 : -1] if has_end else payload[_STAMP_BYTES + 1 :]
            out.append(
                LogFrame(
                    stream=STREAM_NAMES.get(stream, "stdout"),
                    ts_ns=ts_ns,
                    ord=order,
                    data=text[:-1] if has_end and text.endswith(b"\r") else text,
                    # A shorter piece without an end is the last of a stream that stopped there.
                    partial=not has_end and len(text) >= PIECE_BYTES,
                )
            )
        return out


def parse_stamp(text: str) -> int | None:
    """Return UTC nanoseconds of an RFC 3339 time with any fraction; None for Go's zero time."""
    if not text or text.startswith("0001-"):
        return None
    seconds = parse_second_ns(text[:19].encode())
    if seconds is None:
        return None
    fraction = text[20:].rstrip("Zz").split("+")[0].split("-")[0] if text[19:20] == "." else ""
    return seconds + int((fraction + "000000000")[:9] or 0)


def since_parameter(since_ns: int) -> str:
    """Return ``since`` as the engine reads it without loss."""
    return f"{since_ns // 1_000_000_000}.{since_ns % 1_000_000_000:09d}"


def parse_second_ns(text: bytes) -> int | None:
    """Return UTC nanoseconds of ``2026-01-02T03:04:05``, or None for anything else."""
    try:
        parsed = time.strptime(text.decode("ascii"), "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None
    return calendar.timegm(parsed) * 1_000_000_000


def _fraction(payload: bytes) -> int:
    try:
        return int(payload[20:29])
    except ValueError:
        return 0
