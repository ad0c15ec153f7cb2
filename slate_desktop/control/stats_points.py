"""Samples in columns, and the points of a graph that are made of them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence

_NS = 1_000_000_000
# Without a sample for so long a line breaks off: three stored samples of ten seconds were missed.
_BREAK_NS = 35 * _NS
_TRIM_ROWS = 512

NAN = float("nan")
# Columns after the time: four that are drawn as they are, four counters, and the rest.
CPU, CPU_MAX, MEMORY, MEMORY_MAX = range(4)
RX, TX, READ, WRITTEN = range(4, 8)
PIDS, GPU, GPU_MEMORY = range(8, 11)
_COLUMNS = 11
_COUNTERS = (RX, TX, READ, WRITTEN)
_PEAKS = (CPU_MAX, MEMORY_MAX, PIDS, GPU_MEMORY)
_MEANS = (CPU, MEMORY, GPU)


class Columns:
    """Samples in columns, oldest first; ``trims`` counts how often old rows were let go."""

    def __init__(self) -> None:
        self.times = array("q")
        self.columns = tuple(array("d") for _ in range(_COLUMNS))
        self.trims = 0

    def __len__(self) -> int:
        return len(self.times)

    def put(self, at_ns: int, values: Sequence[float]) -> None:
        """Append a sample."""
        self.times.append(at_ns)
        for column, value in zip(self.columns, values, strict=True):
            column.append(value)

    def extend(self, others: Columns) -> None:
        """Append samples."""
        self.times.extend(others.times)
        for column, other in zip(self.columns, others.columns, strict=True):
            column.extend(other)

    def trim(self, before_ns: int) -> None:
        """Let go of old rows, many at a time."""
        excess = bisect_left(self.times, before_ns)
        if excess >= _TRIM_ROWS:
            del self.times[:excess]
            for column in self.columns:
                del column[:excess]
            self.trims += 1

    def thinned(self, step_ns: int, whole_ns: int) -> list[int]:
        """Return the last row of each step, and every row of the newest span."""
        if not self.times:
            return []
        newest = bisect_left(self.times, self.times[-1] - whole_ns)
        picked: dict[int, int] = {self.times[at] // step_ns: at for at in range(newest)}
        return [*picked.values(), *range(newest, len(self.times))]


class Points:
    """Makes a point of the rows of each step, and goes on where rows come later.

    A graph is drawn every second, and all but one of its points are those of a second before. Steps
    are fixed in time, so that points do not dance.

    Args:
        start_ns: where the first span begins; later ones may begin later.
        step_ns: what a point stands for.
    """

    def __init__(self, start_ns: int, step_ns: int) -> None:
        self.start_ns = start_ns
        self.step_ns = step_ns
        # The newest row that was taken.
        self.taken_ns = 0
        self._times = array("q")
        self._out = tuple(array("d") for _ in range(_COLUMNS))
        self._break_ns = max(_BREAK_NS, step_ns * 7 // 2)
        self._step: int | None = None
        self._rows: list[tuple[Columns, int]] = []
        self._previous: tuple[int, list[float]] | None = None

    def take(self, columns: Columns, end_ns: int) -> None:
        """Take the rows up to a moment that were not taken, and one before the start.

        That one gives the first rate.
        """
        times = columns.times
        first = max(0, bisect_left(times, self.start_ns) - 1)
        if self.taken_ns:
            first = max(first, bisect_left(times, self.taken_ns + 1))
        for index in range(first, len(times)):
            at_ns = times[index]
            if at_ns > end_ns:
                break
            step = at_ns // self.step_ns
            if step != self._step:
                self._close()
                self._step = step
            self._rows.append((columns, index))
            self.taken_ns = at_ns

    def cut(self, start_ns: int, end_ns: int) -> tuple[array[float], list[array[float]]]:
        """Return the points from a moment on: seconds relative to the end, and the columns."""
        # The newest step is not over: its point is made, and made again when more has come.
        closed, rows, previous = len(self._times), list(self._rows), self._previous
        self._close()
        first = bisect_left(self._times, start_ns)
        times = array("d", [(at_ns - end_ns) / _NS for at_ns in self._times[first:]])
        columns = [column[first:] for column in self._out]
        for column in (self._times, *self._out):
            del column[closed:]
        self._rows, self._previous = rows, previous
        return times, columns

    def _close(self) -> None:
        if not self._rows:
            return
        columns, last = self._rows[-1]
        at_ns = columns.times[last]
        values = [column[last] for column in columns.columns]
        if len(self._rows) > 1:
            for index in _MEANS:
                values[index] = sum(c.columns[index][i] for c, i in self._rows) / len(self._rows)
            for index in _PEAKS:
                values[index] = max(c.columns[index][i] for c, i in self._rows)
        self._rows.clear()
        previous, self._previous = self._previous, (at_ns, values)
        if at_ns >= self.start_ns or previous is not None:
            self._put(at_ns, values, previous)

    def _put(
        self, at_ns: int, values: list[float], previous: tuple[int, list[float]] | None
    ) -> None:
        elapsed_ns = at_ns - previous[0] if previous is not None else 0
        if elapsed_ns > self._break_ns:
            self._times.append(at_ns - 1)
            for column in self._out:
                column.append(NAN)
        rates = dict.fromkeys(_COUNTERS, 0.0)
        if previous is not None and elapsed_ns > 0:
            for index in _COUNTERS:
                # A counter that falls belongs to a new runtime.
                grown = max(0.0, values[index] - previous[1][index])
                rates[index] = grown * _NS / elapsed_ns
        self._times.append(at_ns)
        for index, column in enumerate(self._out):
            column.append(rates.get(index, values[index]))
