"""Several logs as one, by time, without copying a line.

Row ``i`` is found by bisecting the times of all logs, so that a line of any of them is in its place
the moment it arrives, however many there are. The order within a log is its own: a line that is
stamped earlier than the one before it counts as that one's.

A merged row's ``seq`` is its moment, its log and its number there, as one integer: rising, and
unchanged while other lines come and leave.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

import msgspec

from slate_desktop.control.console import LogBuffer, LogView
from slate_desktop.control.console_chunks import Chunk, LogRow
from slate_desktop.control.signals import Signal

_SEQ_BITS = 40
_SOURCE_BITS = 8
MAX_SOURCES = 1 << _SOURCE_BITS


class _Clock:
    """Times of a buffer's lines that never fall, by chunk; a sealed chunk's are kept."""

    def __init__(self, buffer: LogBuffer) -> None:
        self._buffer = buffer
        self._known: dict[int, tuple[Chunk, array[int]]] = {}

    def times(self) -> dict[int, array[int]]:
        """Return the times of each chunk, by the chunk's id."""
        known: dict[int, tuple[Chunk, array[int]]] = {}
        highest = 0
        for chunk, _ in self._buffer.parts:
            times = self._known[id(chunk)][1] if id(chunk) in self._known else array("q")
            if len(times) < len(chunk):
                last = times[-1] if times else highest
                more = accumulate(chunk.times[len(times) :], max, initial=last)
                next(more)
                times.extend(more)
            known[id(chunk)] = (chunk, times)
            highest = times[-1]
        self._known = known
        return {key: times for key, (_, times) in known.items()}


class _Lane:
    """One log's rows, with what finds a row by its moment."""

    def __init__(self, rows: LogBuffer | LogView, clock: _Clock) -> None:
        self.rows, self.clock = rows, clock
        self.parts: list[tuple[array[int], Sequence[int]]] = []
        self.starts: list[int] = []
        self.count = 0

    def refresh(self) -> None:
        """Take the rows that there are now."""
        times = self.clock.times()
        self.parts, self.starts, self.count = [], [], 0
        for chunk, hits in self.rows.parts:
            if len(hits) and id(chunk) in times:
                self.parts.append((times[id(chunk)], hits))
                self.starts.append(self.count)
                self.count += len(hits)

    def moment(self, index: int) -> int:
        """Return when a row counts as written."""
        place = bisect_right(self.starts, index) - 1
        times, hits = self.parts[place]
        return times[hits[index - self.starts[place]]]

    def before(self, moment: int, *, with_equal: bool = False) -> int:
        """Return how many rows are older than a moment, or as old."""
        find = bisect_right if with_equal else bisect_left
        place = find(self.parts, moment, key=lambda part: part[0][part[1][-1]])
        if place == len(self.parts):
            return self.count
        times, hits = self.parts[place]
        return self.starts[place] + find(hits, moment, key=times.__getitem__)


class MergedLog:
    """The kept lines of several logs in the order of time, indexable like a buffer.

    Args:
        logs: each log's buffer, and the rows of it that show: the buffer or a view of it.
    """

    appended = Signal(int)
    reset = Signal()
    trimmed = Signal(int)  # never emitted: a change anywhere moves rows, which is ``reset``

    def __init__(self, logs: Sequence[tuple[LogBuffer, LogBuffer | LogView]]) -> None:
        self._lanes = [_Lane(rows, _Clock(buffer)) for buffer, rows in logs[:MAX_SOURCES]]
        self._is_stale = True
        for lane in self._lanes:
            lane.rows.appended.connect(self._on_appended)
            lane.rows.reset.connect(self._on_reset)
            lane.rows.trimmed.connect(self._on_reset)

    def __len__(self) -> int:
        return sum(lane.count for lane in self._fresh())

    def row(self, index: int) -> LogRow:
        """Return one row."""
        rows = self.rows(index, index + 1)
        if index < 0 or not rows:
            raise IndexError(index)
        return rows[0]

    def rows(self, start: int, stop: int) -> list[LogRow]:
        """Return rows ``start`` to ``stop - 1``; bounds outside are cut."""
        lanes = self._fresh()
        start, stop = max(0, start), min(stop, len(self))
        if start >= stop:
            return []
        offsets = self._offsets(start)
        heads = [
            (lane.moment(offset), number)
            for number, (lane, offset) in enumerate(zip(lanes, offsets, strict=True))
            if offset < lane.count
        ]
        found: list[LogRow] = []
        while len(found) < stop - start:
            moment, number = min(heads)
            lane, offset = lanes[number], offsets[number]
            found.append(_merged(lane.rows.row(offset), moment, number))
            heads.remove((moment, number))
            offsets[number] = offset + 1
            if offset + 1 < lane.count:
                heads.append((lane.moment(offset + 1), number))
        return found

    def index_of_seq(self, seq: int) -> int:
        """Return the index of the first row whose ``seq`` is not smaller."""
        moment, source = seq >> (_SEQ_BITS + _SOURCE_BITS), seq >> _SEQ_BITS & (MAX_SOURCES - 1)
        own = seq & ((1 << _SEQ_BITS) - 1)
        index = 0
        for number, lane in enumerate(self._fresh()):
            low = lane.before(moment, with_equal=number < source)
            if number == source:
                # Of its own log the lines of the same moment that have a smaller number.
                high = lane.before(moment, with_equal=True)
                low = max(low, min(high, lane.rows.index_of_seq(own)))
            index += low
        return index

    def toggle_stack(self, seq: int) -> None:
        """Show every line of a stack, or one for all, where a log's rows are stacked."""
        rows = self._lanes[seq >> _SEQ_BITS & (MAX_SOURCES - 1)].rows
        if isinstance(rows, LogView):
            rows.toggle_stack(seq & ((1 << _SEQ_BITS) - 1))

    def close(self) -> None:
        """Stop following the logs."""
        for lane in self._lanes:
            lane.rows.appended.disconnect(self._on_appended)
            lane.rows.reset.disconnect(self._on_reset)
            lane.rows.trimmed.disconnect(self._on_reset)

    def _fresh(self) -> list[_Lane]:
        if self._is_stale:
            for lane in self._lanes:
                lane.refresh()
            self._is_stale = False
        return self._lanes

    def _offsets(self, index: int) -> list[int]:
        """Return how many rows of each log stand before a row of the merged one."""
        lanes = self._lanes
        moments = [lane.moment(at) for lane in lanes if lane.count for at in (0, lane.count - 1)]
        low, high = min(moments), max(moments)
        # The last moment before which no more than ``index`` rows were written.
        while low < high:
            middle = (low + high + 1) // 2
            if sum(lane.before(middle) for lane in lanes) <= index:
                low = middle
            else:
                high = middle - 1
        offsets = [lane.before(low) for lane in lanes]
        left = index - sum(offsets)
        for number, lane in enumerate(lanes):
            # Of rows of one moment those of the first log come first.
            taken = min(left, lane.before(low, with_equal=True) - offsets[number])
            offsets[number] += taken
            left -= taken
        return offsets

    def _on_appended(self, count: int) -> None:
        self._is_stale = True
        self.appended.emit(count)
        # Lines of one log may stand before lines of another that are here already.
        self.reset.emit()

    def _on_reset(self, *_: object) -> None:
        self._is_stale = True
        self.reset.emit()


def _merged(row: LogRow, moment: int, number: int) -> LogRow:
    def key(seq: int) -> int:
        return (moment << _SOURCE_BITS | number) << _SEQ_BITS | seq

    last = key(row.last_seq) if row.last_seq > row.seq else key(row.seq)
    return msgspec.structs.replace(row, seq=key(row.seq), last_seq=last, source=number)
