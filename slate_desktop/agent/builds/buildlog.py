"""A build's log: lines numbered, shown at once, stored in batches, never without its errors.

Up to ``HEAD_LINES`` every line is stored. Beyond that errors still are, and the last ``TAIL_LINES``
at the end, with one line between that says how many are left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence

import msgspec

from slate_desktop.agent.drivers.base import LogFrame
from slate_desktop.agent.retry import until_database_answers
from slate_desktop.bus.port import Bus
from slate_desktop.domain.build import BuildLogLine
from slate_desktop.domain.builds.options import MASK
from slate_desktop.domain.jobs import Lease
from slate_desktop.domain.levels import clean_line, detect_level
from slate_desktop.domain.logs import LogLevel
from slate_desktop.errors import CommandError, NotConnectedError
from slate_desktop.store.build_leases import BuildLeases
from slate_desktop.wire.subjects import JobEventKind
from slate_desktop.wire.subjects import build as build_subject

_log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()
HEAD_LINES = 500_000
TAIL_LINES = 20_000
MAX_LINE_BYTES = 16 * 1024
_MAX_BACKLOG = 50_000
_STORE_ROWS = 2_000
_PERIOD_S = 0.1
_BATCH_BYTES = 48 * 1024
_LINE_OVERHEAD = 64
_LAST_LINES_S = 60.0
# Lines of the worker itself.
OWN_STREAM = "slate"


class BuildLog:
    """The log of one attempt.

    Args:
        lease: whose lines they are.
        store: where they are kept.
        bus: where windows hear them.
        secrets: values that are masked.
        after: number of the attempt's last line, where an earlier process wrote some.
    """

    def __init__(
        self,
        lease: Lease,
        store: BuildLeases,
        bus: Bus,
        *,
        secrets: Sequence[str] = (),
        head_lines: int = HEAD_LINES,
        tail_lines: int = TAIL_LINES,
        after: int = 0,
    ) -> None:
        self._lease = lease
        self._store = store
        self._bus = bus
        self._secrets = [value for value in secrets if len(value) >= 4]
        self._head_lines = head_lines
        self._tail: deque[BuildLogLine] = deque(maxlen=tail_lines)
        self._omitted = 0
        self._subject = build_subject(lease.job.project_id, lease.job.id, JobEventKind.LOGS)
        self._seq = after
        self._fresh: list[BuildLogLine] = []
        self._backlog: list[BuildLogLine] = []
        self._pieces: dict[str, bytes] = {}
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._wake = asyncio.Event()
        self._is_closing = False

    def read(self, step: str, frames: Sequence[LogFrame]) -> list[BuildLogLine]:
        """Number the lines of a program; pieces of a long one are put together."""
        lines: list[BuildLogLine] = []
        for frame in frames:
            held = self._pieces.pop(frame.stream, b"")
            data = held if len(held) > MAX_LINE_BYTES else held + frame.data
            if frame.partial:
                self._pieces[frame.stream] = data
                continue
            lines.append(self._number(step, frame.stream, frame.ts_ns, data))
        return lines

    def say(self, step: str, text: str, level: LogLevel = LogLevel.INFO) -> None:
        """Add a line of the worker's own."""
        self._add(step, OWN_STREAM, time.time_ns(), level, self._masked(text))

    async def run(self) -> None:
        """Show and store lines until ``aclose``."""
        while not (self._is_closing and not self._fresh and not self._backlog):
            if not self._is_closing:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PERIOD_S):
                        await self._wake.wait()
            self._wake.clear()
            fresh, self._fresh = self._fresh, []
            await self._show(fresh)
            await self._keep()

    async def has_room(self) -> None:
        """Wait while too much is not stored yet: the engine keeps the lines meanwhile."""
        await self._has_room.wait()

    def close(self) -> None:
        """Say that no line follows: ``run`` returns once all are stored."""
        for stream, data in list(self._pieces.items()):
            self._number("", stream, time.time_ns(), data)
        self._pieces.clear()
        if self._omitted:
            text = f"{self._omitted} lines are left out here; errors are not"
            first = self._tail[0] if self._tail else None
            self._seq += 1
            marker = BuildLogLine(
                seq=self._seq if first is None else first.seq,
                step="",
                stream=OWN_STREAM,
                ts_ns=time.time_ns() if first is None else first.ts_ns,
                level=LogLevel.WARN,
                message=text,
            )
            if first is not None:
                self._tail.popleft()
            self._backlog += [marker, *self._tail]
            self._tail.clear()
        self._is_closing = True
        self._wake.set()

    def _number(self, step: str, stream: str, ts_ns: int, data: bytes) -> BuildLogLine:
        # Children may write UTF-16: half of its bytes are NUL.
        text = clean_line(data.replace(b"\0", b"")[:MAX_LINE_BYTES])
        return self._add(step, stream, ts_ns, detect_level(text), self._masked(text))

    def _add(self, step: str, stream: str, ts_ns: int, level: LogLevel, text: str) -> BuildLogLine:
        self._seq += 1
        line = BuildLogLine(
            seq=self._seq, step=step, stream=stream, ts_ns=ts_ns, level=level, message=text
        )
        self._fresh.append(line)
        if self._seq <= self._head_lines or level is LogLevel.ERROR:
            self._backlog.append(line)
        else:
            if self._tail.maxlen and len(self._tail) == self._tail.maxlen:
                self._omitted += 1
            self._tail.append(line)
        if len(self._backlog) >= _MAX_BACKLOG:
            self._has_room.clear()
        self._wake.set()
        return line

    def _masked(self, text: str) -> str:
        for value in self._secrets:
            text = text.replace(value, MASK)
        return text

    async def _show(self, lines: list[BuildLogLine]) -> None:
        batch: list[BuildLogLine] = []
        size = 0
        for line in lines:
            cost = len(line.message) + _LINE_OVERHEAD
            if batch and size + cost > _BATCH_BYTES:
                await self._publish(batch)
                batch, size = [], 0
            batch.append(line)
            size += cost
        if batch:
            await self._publish(batch)

    async def _publish(self, lines: list[BuildLogLine]) -> None:
        job = self._lease.job
        event = {
            "type": JobEventKind.LOGS.value,
            "job_id": job.id,
            "project_id": job.project_id,
            "data": {
                "attempt": self._lease.attempt,
                "first_seq": lines[0].seq,
                "lines": [(x.seq, x.ts_ns, x.level, x.stream, x.message, x.step) for x in lines],
            },
        }
        try:
            await self._bus.publish(self._subject, _encoder.encode(event))
        except NotConnectedError:
            return
        except CommandError as error:
            _log.warning("build lines could not be shown", extra={"reason": error.message})

    async def _keep(self) -> None:
        while self._backlog:
            rows = self._backlog[:_STORE_ROWS]
            await until_database_answers(
                lambda rows=rows: self._store.append_logs(self._lease, rows)
            )
            del self._backlog[: len(rows)]
            if len(self._backlog) < _MAX_BACKLOG:
                self._has_room.set()


@contextlib.asynccontextmanager
async def kept(log: BuildLog) -> AsyncIterator[None]:
    """Store a log's lines meanwhile, and the last ones however this ends: the log tells why."""
    keeping = asyncio.create_task(log.run(), name="build-log")
    try:
        yield
    finally:
        log.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_LINES_S):
                await asyncio.shield(keeping)
        keeping.cancel()
