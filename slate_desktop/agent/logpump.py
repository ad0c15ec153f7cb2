"""Carries one runtime's log from its driver to the windows and to the database.

::

    driver.logs → Numberer → pending ─┬→ sink.publish   (a hint: lost while the broker is away)
                                      └→ backlog → sink.append   (repeated until it is stored)

A person's line comes in at the numberer too: only it knows which numbers are taken.

Nothing is lost between a read and the database: the pump keeps up to ``PumpLimits.behind_bytes``,
``buffer_bytes`` when the database is away, and then stops reading; the engine's own log holds the
rest. Whenever the pump (re)starts reading it asks the database where it stands, so doing it again
is harmless.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from slate_desktop.agent.drivers.base import Driver, Handle, LogFrame, RuntimeState
from slate_desktop.agent.logbatches import (
    LINE_MEMORY_BYTES,
    LINE_OVERHEAD_BYTES,
    size_of,
    split_batches,
)
from slate_desktop.agent.logdoors import FloodLimits, LineNote, LogObserver, LogSink, PumpLimits
from slate_desktop.agent.loggaps import gap_of
from slate_desktop.agent.numbering import Numberer, ResumePoint
from slate_desktop.agent.rategate import DropMarker, RateGate
from slate_desktop.agent.retry import until_database_answers
from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.errors import CommandError, DatabaseError, StaleWriteError

_log = logging.getLogger(__name__)
_NOTE_ORD = 1_000_000


class LogPump:
    """The log of one runtime.

    Args:
        driver: who runs the runtime.
        handle: which runtime.
        sink: where the lines go.
        limits: sizes, times, and the rate above which lines are dropped and counted.
        observer: looks at each new line.
    """

    def __init__(
        self,
        driver: Driver,
        handle: Handle,
        sink: LogSink,
        limits: PumpLimits | None = None,
        observer: LogObserver | None = None,
    ) -> None:
        self._driver = driver
        self._handle = handle
        self._sink = sink
        self._limits = limits or PumpLimits()
        self._observer = observer
        self._numberer = Numberer(handle.runtime_id, ResumePoint())
        self._gate = RateGate(self._limits.flood)
        self._pending: list[LogRecord] = []
        # On the wire, and in memory.
        self._pending_bytes = self._pending_held = 0
        self._backlog: deque[tuple[list[LogRecord], int]] = deque()
        self.buffered_bytes = 0
        self._room_bytes = self._limits.behind_bytes
        # Whether the whole log was read; known once ``run`` has returned.
        self.is_complete = False
        self._has_pending = asyncio.Event()
        self._is_full = asyncio.Event()
        self._has_backlog = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._is_drained = asyncio.Event()
        self._is_drained.set()
        self._expects_known = False
        self._since_ns = self._last_ns = 0
        self._ended = asyncio.Event()
        self._last_notes: list[LineNote] = []
        # Persons' lines: numbered between two looks at the database only, and told once stored.
        self._numbering = asyncio.Lock()
        self._is_resumed = asyncio.Event()
        self._is_closed = False
        self._lines_added = 0
        self._notes_added = 0
        self._unstored: list[tuple[LogRecord, asyncio.Future[None]]] = []

    async def add(
        self, level: LogLevel, message: str, metadata: dict[str, Any]
    ) -> LogRecord | None:
        """Number, publish and store a person's line; None when the log is over and all is stored.

        Raises:
            StaleWriteError: the pump ended before the line was known to be stored.
        """
        await self._is_resumed.wait()
        async with self._numbering:
            if self._is_closed:
                return None
            self._lines_added += 1
            record = self._numberer.line(
                time.time_ns(), self._lines_added, level, message, metadata
            )
            stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._unstored.append((record, stored))
            self._enqueue([record])
        await stored
        return record

    async def note(self, note: LineNote) -> None:
        """Put a line of the agent's own behind those that were read; not once the log is over."""
        await self._is_resumed.wait()
        async with self._numbering:
            if not self._is_closed:
                self._put_notes([note])

    def set_flood_limits(self, limits: FloodLimits) -> None:
        """Drop and count what is beyond these limits from now on."""
        self._gate.set_limits(limits)

    async def run(self) -> None:
        """Pump until the runtime has ended and its whole log is stored.

        An engine that is away at the very end leaves ``is_complete`` false: what was read is
        stored, and the rest has to be read another time.

        Raises:
            StaleWriteError: another agent owns the session now; nothing more was written.
        """
        workers = [
            asyncio.create_task(self._flush_for_ever(), name="logpump.flush"),
            asyncio.create_task(self._store_for_ever(), name="logpump.store"),
        ]
        reader = asyncio.create_task(self._read_all(), name="logpump.read")
        try:
            done, _ = await asyncio.wait({reader, *workers}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await asyncio.shield(self._end([reader, *workers]))

    def end_with(self, note: str | None = None, notes: Sequence[LineNote] = ()) -> None:
        """Say that the runtime has ended: ``run`` returns soon; notes are the log's last lines."""
        own = LineNote(ts_ns=time.time_ns(), level=LogLevel.WARN, text=note) if note else None
        self._last_notes = [*([own] if own else []), *notes]
        self._ended.set()

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._is_closed = True
        self._is_resumed.set()
        for _, stored in self._unstored:
            if not stored.done():
                stored.set_exception(StaleWriteError("The log ended before the line was stored."))
        self._unstored.clear()

    async def _read_all(self) -> None:
        while True:
            await self._resume()
            await self._follow()
            if await self._has_ended():
                break
            await asyncio.sleep(self._limits.retry_s)
        # The follower ends with a plain end of file when the engine goes away too: look once more.
        self.is_complete = await self._read_last()
        self._mark_dropped(self._gate.take_marker(is_final=True))
        await self._ended.wait()
        self._put_notes(self._last_notes)
        async with self._numbering:
            await self._drain()
            self._is_closed = True

    async def _read_last(self) -> bool:
        """Read what is left of an ended runtime's log; False when the engine stays away."""
        for number in range(self._limits.last_tries):
            if number:
                await asyncio.sleep(self._limits.retry_s)
            await self._resume()
            try:
                await self._read(follow=False)
            except CommandError as error:
                _log.warning("a log has no last pass", extra={"reason": error.message})
            else:
                return True
        return False

    async def _follow(self) -> None:
        """Read until the log ends; a follower that hangs after the runtime's end is cut off."""
        reading = asyncio.create_task(self._read(follow=True), name="logpump.follow")
        ended = asyncio.create_task(self._ended.wait(), name="logpump.ended")
        try:
            await asyncio.wait({reading, ended}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({reading}, timeout=self._limits.last_read_s)
            if reading.done():
                reading.result()
        except CommandError as error:
            _log.warning("reading a log again", extra={"reason": error.message})
        finally:
            ended.cancel()
            reading.cancel()
            await asyncio.gather(reading, ended, return_exceptions=True)

    async def _has_ended(self) -> bool:
        delay = self._limits.retry_s
        while True:
            try:
                inspection = await self._driver.inspect(self._handle)
            except CommandError:
                await asyncio.sleep(delay)
                delay = min(delay * 2, self._limits.max_retry_s)
                continue
            return inspection.state is not RuntimeState.RUNNING

    async def _resume(self) -> None:
        async with self._numbering:
            await self._drain()
            point = await until_database_answers(
                lambda: self._sink.resume_point(self._handle.runtime_id),
                first_s=self._limits.retry_s,
            )
            self._numberer = Numberer(self._handle.runtime_id, point)
        if self._is_resumed.is_set():
            self._gate.begin_again()
        else:
            self._gate.go_on(point.flood)
        self._is_resumed.set()
        self._since_ns = point.since_ns
        self._last_ns = point.last_ns
        self._expects_known = bool(point.known)

    async def _read(self, *, follow: bool) -> None:
        frames_of = self._driver.logs(self._handle, since_ns=self._since_ns, follow=follow)
        async for frames in frames_of:
            if not frames:
                continue
            first = frames[0]
            if self._expects_known or first.is_after_gap or first.lost_lines:
                self._check_gap(first)
            self._last_ns = frames[-1].ts_ns
            fresh = self._numberer.fresh(frames)
            if len(fresh) != len(frames):
                self._gate.count_stored([f for f in frames if self._numberer.knows(f)])
            kept = self._gate.admit(fresh)
            marker = self._gate.take_marker()
            if marker is None:
                self._take(kept)
            else:
                self._take([frame for frame in kept if frame.ts_ns <= marker.ts_ns])
                self._mark_dropped(marker)
                self._take([frame for frame in kept if frame.ts_ns > marker.ts_ns])
            if not self._has_room.is_set():
                await self._has_room.wait()

    def _take(self, frames: list[LogFrame]) -> None:
        records = self._numberer.number(frames)
        if not records:
            return
        self._enqueue(records)
        if self._observer is not None:
            self._put_notes(self._observer.lines(records))

    def _check_gap(self, first: LogFrame) -> None:
        """Say so when the engine has thrown away lines that were never read, or may have."""
        is_expected, self._expects_known = self._expects_known, False
        if self._numberer.knows(first):
            return
        text, metadata = gap_of(first, self._last_ns, is_expected=is_expected)
        record = self._numberer.note(first.ts_ns, 0, LogLevel.WARN, text, **metadata)
        self._enqueue([record])

    def _mark_dropped(self, marker: DropMarker | None) -> None:
        if marker is not None:
            number = self._numberer
            record = number.note(
                marker.ts_ns, marker.ord, LogLevel.WARN, marker.text, **marker.metadata
            )
            self._enqueue([record])

    def _put_notes(self, notes: Iterable[LineNote]) -> None:
        for note in notes:
            # Apart from the orders that markers of one time have.
            self._notes_added += 1
            ord_ = _NOTE_ORD + self._notes_added
            self._enqueue(
                [self._numberer.note(note.ts_ns, ord_, note.level, note.text, **note.metadata)]
            )

    def _enqueue(self, records: list[LogRecord]) -> None:
        size = size_of(records)
        held = size + (LINE_MEMORY_BYTES - LINE_OVERHEAD_BYTES) * len(records)
        self._pending.extend(records)
        self._pending_bytes += size
        self._pending_held += held
        self.buffered_bytes += held
        self._has_pending.set()
        self._is_drained.clear()
        if self._pending_bytes >= self._limits.batch_bytes:
            self._is_full.set()
        if self.buffered_bytes >= self._room_bytes:
            self._has_room.clear()

    async def _flush_for_ever(self) -> None:
        while True:
            await self._has_pending.wait()
            if not self._is_full.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._limits.delay_s):
                        await self._is_full.wait()
            records, held = self._pending, self._pending_held
            self._pending, self._pending_bytes, self._pending_held = [], 0, 0
            self._has_pending.clear()
            self._is_full.clear()
            self._backlog.append((records, held))
            self._has_backlog.set()
            for batch in split_batches(records, self._limits.batch_bytes):
                await self._sink.publish_logs(batch)

    async def _store_for_ever(self) -> None:
        while True:
            await self._has_backlog.wait()
            records, size = self._take_backlog()
            for start in range(0, len(records), self._limits.store_rows):
                rows = records[start : start + self._limits.store_rows]
                free = await until_database_answers(
                    functools.partial(self._append, rows), first_s=self._limits.retry_s
                )
                # A line that came past this agent may have taken a number meanwhile.
                self._numberer.next_seq += max(0, free - rows[-1].seq - 1)
                self._tell_stored(rows[-1].seq)
            self.buffered_bytes -= size
            if self.buffered_bytes < self._room_bytes * 3 // 4:
                self._has_room.set()
            if not self._backlog:
                self._has_backlog.clear()
                if not self._pending:
                    self._is_drained.set()
                    continue
            # Small batches are worth waiting for; a backlog is not.
            if len(records) < self._limits.store_rows:
                await asyncio.sleep(self._limits.store_interval_s)

    async def _append(self, rows: list[LogRecord]) -> int:
        try:
            free = await self._sink.append_logs(rows)
        except DatabaseError:
            self._room_bytes = self._limits.buffer_bytes
            if self.buffered_bytes < self._room_bytes:
                self._has_room.set()
            raise
        self._room_bytes = self._limits.behind_bytes
        return free

    def _tell_stored(self, seq: int) -> None:
        while self._unstored and self._unstored[0][0].seq <= seq:
            _, stored = self._unstored.pop(0)
            if not stored.done():
                stored.set_result(None)

    def _take_backlog(self) -> tuple[list[LogRecord], int]:
        records, size = self._backlog.popleft()
        while self._backlog and len(records) < self._limits.store_rows:
            more, more_size = self._backlog.popleft()
            records = records + more
            size += more_size
        return records, size

    async def _drain(self) -> None:
        await self._is_drained.wait()
