"""The engine's log file is read across rotations, with the engine's own identities."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.agent.drivers.base import LogFrame
from slate_desktop.agent.drivers.docker import logfile
from slate_desktop.agent.drivers.docker.logfile import JsonLogReader

SECOND_NS = 1_767_323_045_000_000_000


def entry(text: str, fraction: str = "", stream: str = "stdout") -> bytes:
    stamp = "2026-01-02T03:04:05" + (f".{fraction}" if fraction else "") + "Z"
    return json.dumps({"log": text, "stream": stream, "time": stamp}).encode() + b"\n"


def append(path: Path, *entries: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(entries))


def rotate(path: Path) -> None:
    first, second = Path(f"{path}.1"), Path(f"{path}.2")
    if first.exists():
        first.replace(second)
    path.replace(first)
    path.touch()


def read_all(path: Path, since_ns: int = 0) -> list[LogFrame]:
    with closing(JsonLogReader(path, since_ns)) as reader:
        return read(reader)


def read(reader: JsonLogReader) -> list[LogFrame]:
    found: list[LogFrame] = []
    while frames := reader.read():
        found += frames
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c1-json.log"


@pytest.mark.parametrize(
    ("fraction", "ns"), [("", 0), ("5", 500_000_000), ("000000001", 1), ("123456789", 123_456_789)]
)
def test_stamp_with_any_fraction_is_read(path: Path, fraction: str, ns: int) -> None:
    append(path, entry("x\n", fraction))

    assert [f.ts_ns for f in read_all(path)] == [SECOND_NS + ns]


def test_equal_stamps_are_numbered_and_pieces_marked(path: Path) -> None:
    append(path, entry("a" * 16384, "1"), entry("b\r\n", "1"), entry("e\n", "1", "stderr"))
    append(path, entry("tail", "2"))

    found = read_all(path)

    assert [(f.stream, f.ord, len(f.data), f.partial) for f in found] == [
        ("stdout", 0, 16384, True), ("stdout", 1, 1, False), ("stderr", 0, 1, False),
        ("stdout", 0, 4, False),
    ]  # fmt: skip


def test_reading_begins_at_since_inclusive(path: Path) -> None:
    append(path, entry("a\n", "1"), entry("b\n", "2"), entry("c\n", "2"), entry("d\n", "3"))

    found = read_all(path, SECOND_NS + 200_000_000)

    assert [(f.data, f.ord) for f in found] == [(b"b", 0), (b"c", 1), (b"d", 0)]


def test_entry_that_is_not_complete_yet_waits(path: Path) -> None:
    whole = entry("late\n")
    reader = JsonLogReader(path, 0)
    append(path, whole[:10])
    assert read(reader) == []

    append(path, whole[10:])
    assert [f.data for f in read(reader)] == [b"late"]
    reader.close()


def test_torn_entry_is_left_out(path: Path) -> None:
    append(path, entry("a\n"), b'{"log":"torn\n', b"\0\0\0\n", entry("b\n"))

    assert [f.data for f in read_all(path)] == [b"a", b"b"]


def test_no_line_is_lost_over_rotations(path: Path) -> None:
    reader, found = JsonLogReader(path, 0), []
    for number in range(60):
        append(path, entry(f"{number}\n"))
        if number % 4 == 0:
            found += read(reader)
        if number % 7 == 6:
            rotate(path)
    found += read(reader)
    reader.close()

    assert [int(f.data) for f in found] == list(range(60))


def test_reader_that_is_late_begins_with_the_oldest_file(path: Path) -> None:
    for number in range(12):
        append(path, entry(f"{number}\n"))
        if number % 4 == 3:
            rotate(path)

    assert [int(f.data) for f in read_all(path)] == list(range(4, 12))


def test_gap_is_marked_when_rotation_outran_a_reader_that_stood_still(path: Path) -> None:
    append(path, entry("0\n"))
    reader = JsonLogReader(path, 0)
    found = read(reader)
    for number in range(1, 13):
        append(path, entry(f"{number}\n"))
        if number % 4 == 3:
            rotate(path)
    found += read(reader)
    append(path, entry("13\n"))
    found += read(reader)
    reader.close()

    assert [int(f.data) for f in found] == [0, 1, 2, 3, *range(4, 14)]
    # 4 to 7 happen to be there; the reader cannot know that nothing came before them.
    assert [int(f.data) for f in found if f.is_after_gap] == [4]


def test_lines_of_files_that_went_before_their_turn_are_counted(path: Path) -> None:
    append(path, entry("0\n"))
    reader = JsonLogReader(path, 0)
    found = read(reader)
    for number in range(1, 30):
        append(path, entry(f"{number}\n"))
        if number % 4 == 3:
            rotate(path)
            # It looks, but has not read on: as one that a flood has left behind.
            reader._files.look()
    found += read(reader)
    append(path, entry("30\n"))
    found += read(reader)
    reader.close()

    # The one that was begun, and what the engine still has, are read.
    assert [int(f.data) for f in found] == [*range(4), *range(20, 31)]
    assert [(int(f.data), f.lost_lines) for f in found if f.lost_lines] == [(20, 16)]
    assert not any(f.is_after_gap for f in found)


def test_reading_on_passes_over_what_is_old(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "_DISORDER_NS", 0)
    text, count = "x" * 5_000, 400
    for number in range(count):
        append(path, entry(f"{number} {text}\n", f"{number:03d}"))
        if number % 180 == 179:
            rotate(path)
    for first in (0, 1, 179, 180, 250, 399):
        with closing(JsonLogReader(path, SECOND_NS + first * 1_000_000)) as reader:
            size, parse = 0, reader._parse

            def counted(data: bytes, parse: Any = parse) -> list[LogFrame]:
                nonlocal size
                size += len(data)
                return parse(data)

            monkeypatch.setattr(reader, "_parse", counted)
            found = read(reader)
        assert [int(f.data.split()[0]) for f in found] == list(range(first, count))
        assert size < (count - first) * 5_100 + 300_000, first


def test_no_gap_is_marked_when_the_reader_keeps_up(path: Path) -> None:
    reader, found = JsonLogReader(path, 0), []
    for number in range(12):
        append(path, entry(f"{number}\n"))
        found += read(reader)
        rotate(path)
    reader.close()

    assert len(found) == 12
    assert not any(f.is_after_gap for f in found)


def test_missing_file_has_nothing(path: Path) -> None:
    assert read_all(path) == []
