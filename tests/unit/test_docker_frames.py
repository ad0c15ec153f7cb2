"""The engine's stream format, wherever the reads fall."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slate_desktop.agent.drivers.docker.frames import (
    Demuxer,
    LogParser,
    parse_stamp,
    since_parameter,
)


def frame(payload: bytes, stream: int = 1) -> bytes:
    return struct.pack(">BxxxI", stream, len(payload)) + payload


def line(text: bytes, ns: int, stream: int = 1) -> bytes:
    return frame(b"2026-01-02T03:04:05.%09dZ " % ns + text, stream)


SECOND_NS = 1_767_323_045_000_000_000


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40))), st.data())
def test_demuxer_gives_the_same_frames_for_any_cut(
    frames: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(frame(payload, number) for number, payload in frames)
    demuxer, found, position = Demuxer(), [], 0
    while position < len(stream):
        size = data.draw(st.integers(1, len(stream)))
        found += demuxer.feed(stream[position : position + size])
        position += size

    assert found == frames


def test_stamp_is_read_to_the_nanosecond() -> None:
    (found,) = LogParser().feed(line(b"hello\n", 123_456_789))

    assert (found.ts_ns, found.data, found.partial) == (SECOND_NS + 123_456_789, b"hello", False)


def test_equal_stamps_are_numbered_per_stream() -> None:
    data = line(b"a\n", 7) + line(b"x\n", 7, 2) + line(b"b\n", 7) + line(b"c\n", 8)

    found = LogParser().feed(data)

    assert [(f.stream, f.ord) for f in found] == [
        ("stdout", 0), ("stderr", 0), ("stdout", 1), ("stdout", 0),
    ]  # fmt: skip


def test_piece_of_full_size_without_end_is_partial() -> None:
    found = LogParser().feed(line(b"a" * 16384, 1) + line(b"b\r\n", 1) + line(b"tail", 2))

    assert [(len(f.data), f.partial) for f in found] == [(16384, True), (1, False), (4, False)]


def test_frame_without_stamp_is_left_out() -> None:
    assert LogParser().feed(frame(b"no stamp at all, but long enough\n")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", SECOND_NS),
        ("2026-01-02T03:04:05.5Z", SECOND_NS + 500_000_000),
        ("2026-01-02T03:04:05.000000001Z", SECOND_NS + 1),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        ("nonsense", None),
    ],
)
def test_times_of_inspect_are_read(text: str, expected: int | None) -> None:
    assert parse_stamp(text) == expected


def test_since_keeps_nanoseconds() -> None:
    assert since_parameter(SECOND_NS + 7) == "1767323045.000000007"
