"""A driver and a log sink in memory, for the agent's unit tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from slate_desktop.agent.drivers.base import (
    Handle,
    Inspection,
    Labels,
    LogFrame,
    RuntimeState,
)
from slate_desktop.agent.numbering import API_STREAM, OVERLAP_NS, ResumePoint
from slate_desktop.agent.rategate import read_markers
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode, Retry

LABELS = Labels(agent="a1", session="s1", project="p1", attempt=1, epoch=1)
HANDLE = Handle(driver=DriverName.SCRIPTED, runtime_id="rt1", name="slate-s1-1", labels=LABELS)


def frame(ts_ns: int, text: str, *, stream: str = "stdout", ord_: int = 0, partial: bool = False):
    return LogFrame(stream=stream, ts_ns=ts_ns, ord=ord_, data=text.encode(), partial=partial)


class FakeLogDriver:
    """Only what a log pump asks of a driver: ``logs`` and ``inspect``."""

    def __init__(self) -> None:
        self.frames: list[LogFrame] = []
        self.state = RuntimeState.RUNNING
        self.grown = asyncio.Event()
        self.breaks_after: int | None = None
        self.was_read = asyncio.Event()
        # So many last readings find the engine away.
        self.away_for = 0

    def write(self, *frames: LogFrame) -> None:
        self.frames += frames
        self.grown.set()

    def end(self) -> None:
        self.state = RuntimeState.EXITED
        self.grown.set()

    async def inspect(self, handle: Handle) -> Inspection:
        return Inspection(state=self.state, exit_code=0)

    async def logs(
        self, handle: Handle, *, since_ns: int = 0, follow: bool = True
    ) -> AsyncIterator[list[LogFrame]]:
        self.was_read.set()
        if not follow and self.away_for:
            self.away_for -= 1
            raise CommandError(ErrorCode.DOCKER_UNAVAILABLE, "away", retry=Retry.LATER)
        at = 0
        while True:
            self.grown.clear()
            new = [f for f in self.frames[at:] if f.ts_ns >= since_ns]
            at = len(self.frames)
            if self.breaks_after is not None and follow:
                cut, self.breaks_after = self.breaks_after, None
                yield new[:cut]
                return
            if new:
                yield new
            if not follow or self.state is RuntimeState.EXITED:
                return
            await self.grown.wait()


class FakeSink:
    """Keeps lines as the database would: unique by number and by identity."""

    def __init__(self) -> None:
        self.rows: dict[int, LogRecord] = {}
        self.published: list[LogRecord] = []
        self.is_away = False
        self.may_store = asyncio.Event()
        self.may_store.set()
        self.calls = 0
        self.stored = asyncio.Event()
        self.called = asyncio.Event()

    def messages(self) -> list[str]:
        return [self.rows[seq].message for seq in sorted(self.rows)]

    async def resume_point(self, container_id: str) -> ResumePoint:
        if self.is_away:
            raise DatabaseError("away")
        rows = [r for r in self.rows.values() if r.container_id == container_id]
        last: dict[str, int] = {}
        for row in rows:
            last[row.stream] = max(last.get(row.stream, 0), row.ts_ns)
        known = {(r.stream, r.ts_ns, r.ord) for r in rows if r.ts_ns >= last[r.stream] - OVERLAP_NS}
        markers = [(r.ord, r.metadata) for r in rows if "dropped" in r.metadata]
        kept = sum(len(r.message) for r in rows if r.stream != "slate")
        return ResumePoint(
            next_seq=max(self.rows, default=0) + 1,
            last_ts_ns=last,
            known=frozenset(known),
            flood=msgspec.structs.replace(read_markers(markers[::-1]), kept_bytes=kept),
        )

    async def publish_logs(self, records: list[LogRecord]) -> None:
        self.published += records

    async def append_logs(self, records: list[LogRecord]) -> int:
        self.calls += 1
        self.called.set()
        await asyncio.sleep(0)
        await self.may_store.wait()
        if self.is_away:
            raise DatabaseError("away")
        keys = {(r.container_id, r.stream, r.ts_ns, r.ord) for r in self.rows.values()}
        for record in records:
            key = (record.container_id, record.stream, record.ts_ns, record.ord)
            if record.seq in self.rows or key in keys:
                continue
            self.rows[record.seq] = record
            keys.add(key)
        self.stored.set()
        return records[-1].seq + 1

    async def add(self, level: LogLevel, message: str, metadata: dict[str, Any]) -> LogRecord:
        if self.is_away:
            raise DatabaseError("away")
        seq = max(self.rows, default=0) + 1
        record = LogRecord(
            seq=seq, container_id=API_STREAM, stream=API_STREAM, ts_ns=seq, ord=0,
            level=level, message=message, metadata=metadata,
        )  # fmt: skip
        self.rows[seq] = record
        self.published.append(record)
        return record
