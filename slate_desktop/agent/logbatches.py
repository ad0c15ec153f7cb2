"""What lines cost, and cutting them into batches that fit into one message each."""

from __future__ import annotations

from slate_desktop.domain.logs import LogRecord

# What a line costs besides its text: on the wire, and in this process as a value of its own.
LINE_OVERHEAD_BYTES = 64
LINE_MEMORY_BYTES = 256


def size_of(records: list[LogRecord]) -> int:
    """Return what lines take on the wire, in bytes."""
    return sum([len(r.message) for r in records]) + LINE_OVERHEAD_BYTES * len(records)


def split_batches(records: list[LogRecord], batch_bytes: int) -> list[list[LogRecord]]:
    """Cut a list into batches that fit into one message each."""
    batches: list[list[LogRecord]] = []
    batch: list[LogRecord] = []
    size = 0
    for record in records:
        cost = len(record.message) + LINE_OVERHEAD_BYTES
        if batch and size + cost > batch_bytes:
            batches.append(batch)
            batch, size = [], 0
        batch.append(record)
        size += cost
    if batch:
        batches.append(batch)
    return batches
