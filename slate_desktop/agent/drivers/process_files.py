"""The directory of a local runtime, as the shim writes it: identity, ending, and the spool.

Nothing here starts or signals anything. ``docs/architecture.md`` calls the spool the engine's own
log of the process driver: the same records give the same identities on every reading.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import psutil

from slate_desktop.agent.drivers import process_shim
from slate_desktop.agent.drivers.base import Labels, LogFrame
from slate_desktop.agent.drivers.process_shim import PARTIAL, RECORD, start_ticks

_STREAMS = {1: "stdout", 2: "stderr"}
_READ_BYTES = 256 * 1024
# How far a start time from psutil may lie from the shim's own, where there are no ticks.
_START_TOLERANCE_S = 3.0


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What ``spec.json`` holds: all that the shim and an adopting agent need."""

    name: str
    labels: Labels
    argv: list[str]
    cwd: str
    env: dict[str, str]
    memory_bytes: int | None = None
    address_space_bytes: int | None = None
    cpu_set: list[int] | None = None
    ports: list[int] = []


class PidFile(msgspec.Struct, frozen=True, kw_only=True):
    """What ``pid.json`` holds. Ticks are 0 where the system does not tell them."""

    pid: int
    pid_ticks: int
    shim_pid: int
    shim_ticks: int
    started_ns: int

    def is_alive(self) -> bool:
        """Tell whether the command still runs, and is the one that was started."""
        return _is_same(self.pid, self.pid_ticks, self.started_ns)

    def is_shim_alive(self) -> bool:
        """Tell whether the shim still runs."""
        return _is_same(self.shim_pid, self.shim_ticks, self.started_ns)


class ExitFile(msgspec.Struct, frozen=True, kw_only=True):
    """What ``exit.json`` holds."""

    exit_code: int
    finished_ns: int
    oom_killed: bool = False
    memory_peak: int | None = None
    error: str | None = None
    message: str = ""


class RuntimeFiles:
    """Reads the files of one runtime; a missing or half-written one is None."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def spec(self) -> Spec | None:
        """Return what the runtime was created with."""
        return self._load("spec.json", Spec)

    def pid(self) -> PidFile | None:
        """Return who runs."""
        return self._load("pid.json", PidFile)

    def exit(self) -> ExitFile | None:
        """Return how it ended."""
        return self._load("exit.json", ExitFile)

    def is_claimed(self) -> bool:
        """Tell whether a shim has begun."""
        return (self.path / "claimed").exists()

    def claim(self) -> bool:
        """Keep a shim that has not begun from beginning; False where one has begun."""
        try:
            (self.path / "claimed").touch(0o600, exist_ok=False)
        except FileExistsError:
            return False
        except FileNotFoundError:
            return True  # nothing is there that could begin
        return True

    def segments(self) -> list[Path]:
        """Return the spool's files in order."""
        return sorted(self.path.glob("spool-*"))

    def _load(self, name: str, kind: type[Any]) -> Any:
        try:
            return msgspec.convert(json.loads((self.path / name).read_bytes()), kind)
        except (OSError, ValueError, msgspec.ValidationError):
            return None


class SpoolReader:
    """Reads the spool from a moment on, across segments, a piece at a time."""

    def __init__(self, files: RuntimeFiles, since_ns: int) -> None:
        self._files = files
        self._since_ns = since_ns
        self._segment: Path | None = None
        self._offset = 0
        self._rest = b""
        self._is_after_gap = False

    @property
    def places(self) -> list[Path]:
        """The segment that is read, none before the first."""
        return [] if self._segment is None else [self._segment]

    def read(self) -> list[LogFrame]:
        """Return the next frames; an empty list when there is nothing more for now."""
        while True:
            if self._segment is None and not self._advance():
                return []
            frames, is_at_end = self._read_segment()
            if frames:
                if self._is_after_gap:
                    frames[0] = msgspec.structs.replace(frames[0], is_after_gap=True)
                    self._is_after_gap = False
                return frames
            if is_at_end and not self._finish_segment():
                return []

    def _finish_segment(self) -> bool:
        """Go on to the next segment when there is one and this one was read to its end."""
        segments = self._files.segments()
        if not segments or self._segment == segments[-1]:
            return False
        # The next one exists, so nothing is appended here any more; what came before is read first.
        if self._segment is not None and self._has_more():
            return True
        return self._advance()

    def _has_more(self) -> bool:
        try:
            return self._segment is not None and self._segment.stat().st_size > self._offset
        except OSError:
            return False

    def _advance(self) -> bool:
        segments = self._files.segments()
        later = [path for path in segments if self._segment is None or path > self._segment]
        if not later:
            return False
        if self._segment is None:
            later = later[_first_useful(later, self._since_ns) :]
        elif _number(later[0]) != _number(self._segment) + 1:
            self._is_after_gap = True
        self._segment = later[0]
        self._offset = 0
        self._rest = b""
        return True

    def _read_segment(self) -> tuple[list[LogFrame], bool]:
        if self._segment is None:
            return [], True
        try:
            with self._segment.open("rb") as file:
                file.seek(self._offset)
                data = file.read(_READ_BYTES)
        except OSError:
            # Dropped while this reader stood still: was there anything left to read in it?
            self._is_after_gap |= bool(self._rest) or self._offset < process_shim.SEGMENT_BYTES
            return [], True
        self._offset += len(data)
        frames, used = _parse(self._rest + data, self._since_ns)
        self._rest = (self._rest + data)[used:]
        return frames, not data


def _number(segment: Path) -> int:
    return int(segment.name.rpartition("-")[2])


def _parse(data: bytes, since_ns: int) -> tuple[list[LogFrame], int]:
    frames: list[LogFrame] = []
    position, end, head = 0, len(data), RECORD.size
    unpack = RECORD.unpack_from
    while position + head <= end:
        stream, flags, _, size, ts_ns = unpack(data, position)
        stop = position + head + size
        if stop > end:
            break
        if ts_ns >= since_ns:
            frames.append(
                LogFrame(
                    stream=_STREAMS.get(stream, "stdout"),
                    ts_ns=ts_ns,
                    ord=0,  # the shim gives no stamp twice
                    data=data[position + head : stop],
                    partial=bool(flags & PARTIAL),
                )
            )
        position = stop
    return frames, position


def _first_useful(segments: list[Path], since_ns: int) -> int:
    """Return the index of the last segment that begins at or before ``since_ns``."""
    best = 0
    for index, path in enumerate(segments):
        try:
            with path.open("rb") as file:
                head = file.read(RECORD.size)
        except OSError:
            continue
        if len(head) == RECORD.size and RECORD.unpack(head)[4] <= since_ns:
            best = index
    return best


def _is_same(pid: int, ticks: int, started_ns: int) -> bool:
    """Tell whether ``pid`` is alive, no zombie, and began when it should have."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if ticks:
            return start_ticks(pid) == ticks
        return process.create_time() <= started_ns / 1e9 + _START_TOLERANCE_S
    except psutil.Error:
        return False
