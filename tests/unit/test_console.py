from __future__ import annotations

import sys

import msgspec
import pytest

from slate_desktop.control.console import LogBuffer, LogView, RowKind, iter_text
from slate_desktop.control.console_moment import seq_at
from slate_desktop.control.console_snapshot import pages
from slate_desktop.domain.logs import LogLevel, LogLine
from slate_desktop.errors import CommandError
from slate_desktop.wire.log_batch import LogBatch


def line(seq: int, message: str = "", level: LogLevel = LogLevel.INFO, **kwargs) -> LogLine:
    return LogLine(
        seq=seq, timestamp_ns=seq * 10, level=level, message=message or f"line {seq}", **kwargs
    )


def wire(first: int, count: int, level: str = "info", text: str = "line") -> list[LogLine]:
    return [line(seq, f"{text} {seq}", LogLevel(level)) for seq in range(first, first + count)]


def seqs(rows) -> list[int]:
    return [row.seq for row in rows.rows(0, len(rows))]


def test_rows_come_back_as_they_went_in():
    buffer = LogBuffer()
    buffer.append(
        [
            line(1, "grüße", LogLevel.ERROR, stream="stderr", metadata={"a": 1}),
            line(2, "", LogLevel.DEBUG, stream="system", partial=True),
        ]
    )
    first, second = buffer.rows(0, 9)
    assert (first.message, first.level, first.stream) == ("grüße", LogLevel.ERROR, "stderr")
    assert first.metadata == {"a": 1}
    assert (second.stream, second.partial, second.level) == ("system", True, LogLevel.DEBUG)
    assert second.timestamp_ns == 20
    assert buffer.level_counts == {
        LogLevel.DEBUG: 1,
        LogLevel.INFO: 0,
        LogLevel.WARN: 0,
        LogLevel.ERROR: 1,
    }


def test_a_batch_lands_like_its_lines():
    batch = LogBatch(
        attempt=1,
        epoch=1,
        first_seq=5,
        levels="dwei",
        times=[5, 6, 7, 8],
        messages=["grüße", "b", "c", ""],
        streams={"stderr": [1], "slate": [2]},
        partials=[1],
        metadata=[(1, {"a": 1}), (3, {"b": 2})],
    )
    buffer, single = LogBuffer(max_lines=16), LogBuffer()  # one row a chunk: cut at every place
    assert buffer.append_batch(batch) == 4
    single.append(batch.lines())
    assert buffer.rows(0, 9) == single.rows(0, 9)
    row = buffer.row(1)
    assert (row.stream, row.partial, row.metadata) == ("stderr", True, {"a": 1})
    assert (row.level, row.timestamp_ns) == (LogLevel.WARN, 6)
    assert buffer.row(3).metadata == {"b": 2}
    assert buffer.append_batch(batch) == 0
    assert buffer.append_batch(msgspec.structs.replace(batch, first_seq=7)) == 2
    assert [r.message for r in buffer.rows(4, 9)] == ["c", ""]
    assert [r.stream for r in buffer.rows(4, 9)] == ["slate", "stdout"]


def test_known_numbers_are_skipped_on_append():
    buffer = LogBuffer()
    assert buffer.append(wire(1, 5)) == 5
    assert buffer.append(wire(3, 5)) == 2
    assert buffer.append(wire(1, 5)) == 0
    assert seqs(buffer) == list(range(1, 8))


def test_oldest_rows_leave_when_full():
    buffer = LogBuffer(max_lines=1000)
    trimmed: list[int] = []
    buffer.trimmed.connect(trimmed.append)
    for first in range(1, 5001, 250):
        buffer.append(wire(first, 250))
        assert len(buffer) <= 1000
    assert buffer.last_seq == 5000
    assert len(buffer) > 900
    assert seqs(buffer) == list(range(5001 - len(buffer), 5001))
    assert sum(trimmed) == 5000 - len(buffer)


def test_index_of_seq_finds_rows_and_places_between():
    buffer = LogBuffer(max_lines=64)
    buffer.append([row for row in wire(1, 40) if row.seq % 2])
    for seq in range(1, 40):
        assert buffer.row(buffer.index_of_seq(seq)).seq == seq + (seq % 2 == 0)
    assert buffer.index_of_seq(99) == len(buffer)


def test_older_page_goes_in_front_until_full():
    buffer = LogBuffer(max_lines=100)
    buffer.append(wire(51, 50))
    assert buffer.prepend([line(seq) for seq in range(1, 52)]) == 50
    assert seqs(buffer) == list(range(1, 101))
    assert buffer.prepend([line(0)]) == 0


def test_gap_is_a_row_and_is_filled():
    buffer = LogBuffer()
    buffer.append(wire(1, 3))
    buffer.append_gap(4, 9)
    buffer.append(wire(10, 2))
    gap = buffer.row(3)
    assert (gap.kind, gap.seq, gap.last_seq) == (RowKind.GAP, 4, 9)
    assert buffer.gaps == [(4, 9)]
    assert buffer.index_of_seq(6) == 3
    buffer.fill_gap(4, 9, [line(4), line(5)])
    assert buffer.gaps == [(6, 9)]
    buffer.fill_gap(6, 9, [line(seq) for seq in range(6, 10)])
    assert buffer.gaps == []
    assert seqs(buffer) == list(range(1, 12))


def test_clear_keeps_the_place_in_the_log():
    buffer = LogBuffer()
    buffer.append(wire(1, 3))
    buffer.clear()
    assert len(buffer) == 0
    assert buffer.append(wire(2, 4)) == 2
    assert seqs(buffer) == [4, 5]


def test_view_by_level_follows_the_buffer():
    buffer = LogBuffer()
    buffer.append(wire(1, 10) + wire(11, 2, "error"))
    view = buffer.view([LogLevel.ERROR])
    assert view.advance(5.0)
    assert seqs(view) == [11, 12]
    added: list[int] = []
    view.appended.connect(added.append)
    buffer.append(wire(13, 3) + wire(16, 1, "error"))
    assert added == [1]
    assert seqs(view) == [11, 12, 16]
    assert view.index_of_seq(13) == 2
    view.close()
    buffer.append(wire(17, 1, "error"))
    assert len(view) == 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"text": "b"}, [1, 2]),
        ({"text": "b", "is_case_sensitive": True}, [1]),
        ({"text": "ÄB"}, [3]),
        ({"text": "^a.$", "is_regex": True}, [1, 2]),
        ({"text": "yx"}, []),  # would only match across two rows
        ({"text": "a.", "levels": [LogLevel.WARN]}, []),
        ({"text": "x"}, [5]),
    ],
)
def test_view_by_text_finds_rows(options, expected):
    buffer = LogBuffer()
    texts = ["ab", "aB", "äb", "y", "x", "."]
    buffer.append([line(seq, text) for seq, text in enumerate(texts, 1)])
    view = buffer.view(**options)
    view.advance(5.0)
    if options["text"] == "b":
        expected = [*expected, 3]
    assert seqs(view) == expected


def test_view_refuses_a_broken_expression():
    with pytest.raises(CommandError):
        LogBuffer().view(text="(", is_regex=True)


def test_view_survives_trimming_prepending_and_filling():
    buffer = LogBuffer(max_lines=400)
    view = buffer.view(text="7")
    for first in range(1001, 3001, 100):
        buffer.append(wire(first, 100))
        expected = [row.seq for row in buffer.rows(0, len(buffer)) if "7" in row.message]
        assert seqs(view) == expected
    buffer.clear()
    buffer.append_gap(3001, 3010)
    buffer.append(wire(3011, 20))
    buffer.fill_gap(3001, 3010, [line(seq) for seq in range(3001, 3011)])
    buffer.prepend([line(seq) for seq in range(2900, 3001)])
    assert view.advance(5.0)
    expected = [row.seq for row in buffer.rows(0, len(buffer)) if "7" in row.message]
    assert seqs(view) == expected


def test_advance_shows_the_newest_first_and_ends():
    buffer = LogBuffer()
    buffer.append(wire(1, 20_000))
    view = buffer.view(text="line")
    assert not view.advance(0.0)
    assert len(view) == 0
    while not view.advance(0.0005):
        pass
    assert len(view) == 20_000
    assert view.is_complete


def test_a_line_costs_little_beside_its_bytes():
    buffer = LogBuffer()
    buffer.append([line(seq, "x" * 100) for seq in range(1, 50_001)])
    size = sum(
        sys.getsizeof(part)
        for chunk in buffer._chunks
        for part in (chunk.text, chunk.ends, chunk.seqs, chunk.times, chunk.flags, chunk.extras)
    )
    assert size / 50_000 < 130


def test_text_joins_pieces_and_drops_colours():
    buffer = LogBuffer()
    buffer.append([line(1, "\x1b[31mred\x1b[0m", partial=True), line(2, " end"), line(3, "last")])
    assert "".join(iter_text(buffer, 0, 9)) == "red end\nlast\n"
    assert "".join(iter_text(buffer, 2, 3, with_times=True)) == (
        "1970-01-01T00:00:00.000Z info  last\n"
    )


def saved(rows: LogBuffer | LogView, meanwhile) -> list[int]:
    """Read a snapshot page by page while the log goes on."""
    found: list[int] = []
    for page in pages(rows.snapshot(), 10):
        found += [row.seq for row in page]
        meanwhile()
    return found


def test_snapshot_holds_every_row_while_the_buffer_turns_over():
    buffer = LogBuffer(max_lines=64)
    buffer.append(wire(1, 60))
    assert saved(buffer, lambda: buffer.append(wire(buffer.last_seq + 1, 40))) == list(range(1, 61))


def test_snapshot_holds_every_row_when_the_log_is_cleared():
    buffer = LogBuffer(max_lines=64)
    buffer.append(wire(1, 60))
    assert saved(buffer, buffer.clear) == list(range(1, 61))


def test_snapshot_of_a_filter_that_has_not_looked_holds_what_fits():
    buffer = LogBuffer(max_lines=640)
    for first in range(1, 601, 2):
        buffer.append([*wire(first, 1, "error"), *wire(first + 1, 1, "info")])
    view = buffer.view([LogLevel.ERROR])
    assert not view.is_complete
    assert saved(view, lambda: view.advance(0.0)) == list(range(1, 601, 2))
    assert seqs(view) == []


def test_snapshot_of_a_filter_holds_every_row_while_the_buffer_turns_over():
    buffer = LogBuffer(max_lines=64)
    buffer.append([*wire(1, 30, "error"), *wire(31, 30, "info")])
    view = buffer.view([LogLevel.ERROR])
    assert saved(view, lambda: buffer.append(wire(buffer.last_seq + 1, 40, "error"))) == list(
        range(1, 31)
    )


def stacked(buffer: LogBuffer) -> LogView:
    view = buffer.view(is_stacked=True)
    view.advance(5.0)
    return view


def test_equal_lines_that_follow_one_another_are_one_row():
    buffer = LogBuffer()
    texts = ["a", "[12:00:01] tick", "[12:00:02] tick", "[12:00:03] tick", "b", "a"]
    buffer.append([line(seq, text) for seq, text in enumerate(texts, 1)])
    view = stacked(buffer)
    assert [(row.seq, row.repeats) for row in view.rows(0, 9)] == [(1, 0), (2, 2), (5, 0), (6, 0)]
    points = LogBuffer()
    points.append([line(1, "10000 points"), line(2, "20000 points")])
    assert len(stacked(points)) == 2
    looks: list[int] = []
    view.appended.connect(looks.append)
    buffer.append([line(7, "a"), line(8, "c")])
    assert [(row.seq, row.repeats) for row in view.rows(3, 9)] == [(6, 1), (8, 0)]
    buffer.append([line(9, "c")])
    assert looks == [1, 0]  # a stack that grew is told, though no row came


def test_a_stack_opens_and_closes():
    buffer = LogBuffer()
    buffer.append([line(seq, "same" if seq in (2, 3, 4) else str(seq)) for seq in range(1, 6)])
    view = stacked(buffer)
    assert view.toggle_stack(2)
    assert [(row.seq, row.repeats, row.is_opened) for row in view.rows(0, 9)] == [
        (1, 0, False), (2, 2, True), (3, 0, False), (4, 0, False), (5, 0, False),
    ]  # fmt: skip
    assert not view.toggle_stack(3)
    assert view.toggle_stack(2)
    assert seqs(view) == [1, 2, 5]


def test_hidden_texts_take_their_lines_away():
    buffer = LogBuffer()
    buffer.append([line(1, "Shader compiled"), line(2, "ready"), line(3, "a tick")])
    view = buffer.view(hidden=["shader", "Tick"])
    view.advance(5.0)
    assert seqs(view) == [2]
    assert [view.accepts(row) for row in buffer.rows(0, 9)] == [False, True, False]
    assert seqs(buffer.view(hidden=["é"])) == []  # nothing was looked at yet


def test_moments_are_found_among_the_lines_in_memory() -> None:
    buffer = LogBuffer()
    assert seq_at(buffer, 5) is None
    times = (10, 20, 20, 40)
    buffer.append(
        LogLine(seq=seq, timestamp_ns=at, level=LogLevel.INFO, message="x")
        for seq, at in enumerate(times, 7)
    )
    found = {at: seq_at(buffer, at) for at in (9, 10, 11, 20, 21, 40, 99)}
    assert found == {9: None, 10: 7, 11: 8, 20: 8, 21: 10, 40: 10, 99: 10}
