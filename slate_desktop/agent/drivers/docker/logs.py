"""Reads a container's log so that no line is missed and none comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import msgspec

from slate_desktop.agent.drivers.base import Inspection, LogFrame, RuntimeState
from slate_desktop.agent.drivers.docker.engine import Engine
from slate_desktop.agent.drivers.docker.frames import LogParser, since_parameter
from slate_desktop.agent.drivers.docker.logfile import JsonLogReader
from slate_desktop.agent.drivers.docker.translate import from_message
from slate_desktop.agent.drivers.fileticks import PERIOD_S, FileTicks, stamps_of

# A follower that ends may have lost its last moments; they are read again.
_OVERLAP_NS = 2_000_000_000
_RECONNECT_S = 0.2
_POLL_MIN_S = 0.01
_STREAMS = 2


class _Seen:
    """Where each stream stands, to drop what a second reading repeats."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}

    def fresh(self, frames: list[LogFrame]) -> list[LogFrame]:
        """Return the frames that were not seen before, and remember them."""
        out: list[LogFrame] = []
        last = self._last
        for frame in frames:
            key = (frame.ts_ns, frame.ord)
            if key > last.get(frame.stream, (-1, -1)):
                last[frame.stream] = key
                out.append(frame)
        return out

    def note(self, frames: list[LogFrame]) -> None:
        """Remember the ends of a first reading; stamps of a stream may step back with the clock."""
        noted: set[str] = set()
        for frame in reversed(frames):
            if frame.stream not in noted:
                noted.add(frame.stream)
                last = self._last.get(frame.stream, (-1, -1))
                self._last[frame.stream] = max(last, (frame.ts_ns, frame.ord))
            if len(noted) == _STREAMS:
                return

    @property
    def has_any(self) -> bool:
        """Whether anything was read."""
        return bool(self._last)

    def overlap(self, since_ns: int) -> int:
        """Return where a second reading begins."""
        newest = max((ts_ns for ts_ns, _ in self._last.values()), default=0)
        return max(since_ns, newest - _OVERLAP_NS)


async def read_logs(
    engine: Engine,
    container_id: str,
    since_ns: int,
    follow: bool,
    inspect: Callable[[], Awaitable[Inspection]],
) -> AsyncGenerator[list[LogFrame], None]:
    """Yield the log from ``since_ns``; with ``follow`` until the container has exited.

    Raises:
        CommandError: ``docker_unavailable`` when the engine goes away.
    """
    seen = _Seen()
    begin, is_first = since_ns, True
    while True:
        expects_known = seen.has_any
        async for frames in _read(engine, container_id, begin, follow=follow):
            if is_first:
                seen.note(frames)
                yield frames
            elif fresh := seen.fresh(frames):
                # A second reading begins with what was read last, unless that was rotated away.
                if expects_known and fresh[0] is frames[0]:
                    fresh[0] = msgspec.structs.replace(fresh[0], is_after_gap=True)
                yield fresh
            expects_known = False
        if not follow:
            return
        # The same plain end means an exit, a restart of the engine, or a rotation.
        is_over = (await inspect()).state in (RuntimeState.EXITED, RuntimeState.ABSENT)
        begin, is_first = seen.overlap(since_ns), False
        follow = not is_over
        if follow:
            await asyncio.sleep(_RECONNECT_S)


async def read_log_file(
    path: Path,
    since_ns: int,
    follow: bool,
    wait: Callable[[], Awaitable[Inspection]],
    ticks: FileTicks,
) -> AsyncGenerator[list[LogFrame], None]:
    """Yield the log from its file; goes on even while the engine is away."""
    reader = JsonLogReader(path, since_ns)
    ended = asyncio.ensure_future(wait()) if follow else None
    pause_s = _POLL_MIN_S
    try:
        while True:
            # Looked at before reading: the engine closes the log before it tells of the end.
            is_over = ended is None or ended.done()
            known = stamps_of([path])
            has_read = False
            while frames := reader.read():
                has_read = True
                yield frames
                await asyncio.sleep(0)
            if ended is None or is_over:
                return
            pause_s = _POLL_MIN_S if has_read else pause_s * 2
            if pause_s < PERIOD_S:
                await asyncio.wait({ended}, timeout=pause_s)
            else:
                # It has been silent for a moment: it costs next to nothing until it is written to.
                await ticks.changed(known, ended)
    finally:
        reader.close()
        if ended is not None:
            ended.cancel()
            await asyncio.gather(ended, return_exceptions=True)


async def _read(
    engine: Engine, container_id: str, since_ns: int, *, follow: bool
) -> AsyncGenerator[list[LogFrame], None]:
    path = f"/containers/{container_id}/logs?stdout=1&stderr=1&timestamps=1"
    path += f"&follow={int(follow)}&since={since_parameter(since_ns)}"
    parser = LogParser()
    async with engine.open("GET", path) as answer:
        if answer.status == 404:
            return
        if answer.status != 200:
            text = await answer.message()
            raise from_message(text, "reading the log", status=answer.status)
        while data := await answer.read():
            if frames := parser.feed(data):
                yield frames
