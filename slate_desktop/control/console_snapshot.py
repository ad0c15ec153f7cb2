"""The rows of a console as they were at one moment, for whoever reads them slowly.

A ring buffer turns over while a large log is written to a file, and a filter may still be looking;
a snapshot holds on to the chunks, which never change where they were written, so nothing is
skipped, doubled or missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from slate_desktop.control.console_chunks import Chunk, LogRow


class SnapshotPart(msgspec.Struct, frozen=True):
    """Some rows of one chunk; which ones is found out when they are read."""

    chunk: Chunk
    rows: Callable[[], Sequence[int]]


def pages(parts: Sequence[SnapshotPart], size: int) -> Iterator[list[LogRow]]:
    """Yield the rows in order, ``size`` at most at a time."""
    for part in parts:
        rows = part.rows()
        for start in range(0, len(rows), size):
            yield [part.chunk.row(row) for row in rows[start : start + size]]
