"""Runs of sessions, and what they say about how much memory and CPU the next one should have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import msgspec

from slate_desktop.domain.sizes import format_bytes
from slate_desktop.translation import message

_MIB, _GIB = 1024**2, 1024**3
# What is advised stays this far above what was used; a run that was killed tells only "more".
_ROOM, _ROOM_AFTER_KILL = 1.25, 1.5
# Too much is said only when it is plain: advice that flatters nobody is left out.
_TOO_MUCH = 2.5
_LEAST_RUNS = 3


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a session; sizes in bytes, ``cpu_peak`` in percent of one core, limits 0: none."""

    session_id: str
    attempt: int
    project_id: str
    runtime_type: str
    status: str
    started_at: datetime
    stopped_at: datetime | None = None
    exit_code: int | None = None
    oom_killed: bool = False
    error_code: str | None = None
    memory_limit: int = 0
    cpu_limit: float = 0
    memory_peak: int = 0
    cpu_peak: float = 0


class RunUse(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a run's use: peaks, and limits where they are known; units as in ``Run``."""

    session_id: str
    attempt: int
    memory_peak: int = 0
    cpu_peak: float = 0
    memory_limit: int = 0
    cpu_limit: float = 0


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What the last runs say.

    ``memory_bytes`` and ``cpus`` are what to use, None where what there is fits. ``killed`` counts
    the runs that were ended for want of memory, ``killed_at`` is the highest limit of those.
    """

    runs: int
    memory_peak: int
    cpu_peak: float
    killed: int
    killed_at: int
    memory_limit: int
    cpu_limit: float
    memory_bytes: int | None
    cpus: float | None

    @property
    def is_change(self) -> bool:
        """Whether anything should be changed."""
        return self.memory_bytes is not None or self.cpus is not None


def advise(runs: Sequence[Run]) -> Advice | None:
    """Return what the runs of one project and engine say, newest first; None for no measured run.

    Memory is advised when a run was killed at its limit, or came within a tenth of it, or when
    three runs at least used less than two fifths. CPU likewise, by the cores that runs kept busy.
    """
    seen = [run for run in runs if run.memory_peak > 0 or run.oom_killed]
    if not seen:
        return None
    killed = [run for run in seen if run.oom_killed]
    peak = max(run.memory_peak for run in seen)
    killed_at = max((run.memory_limit for run in killed), default=0)
    limit, cpu_limit = _newest(seen, "memory_limit"), _newest(seen, "cpu_limit")
    cpu_peak = max(run.cpu_peak for run in seen)
    return Advice(
        runs=len(seen),
        memory_peak=peak,
        cpu_peak=cpu_peak,
        killed=len(killed),
        killed_at=killed_at,
        memory_limit=int(limit),
        cpu_limit=cpu_limit,
        memory_bytes=_memory(peak, killed_at, int(limit), len(seen)),
        cpus=_cpus(cpu_peak, cpu_limit, len(seen)),
    )


def advice_words(advice: Advice) -> str:
    """Return ``The last 12 runs peaked at 6.3 GB, 3 were killed at 4 GB: use 8 GB``."""
    peak, killed_at = format_bytes(advice.memory_peak), format_bytes(advice.killed_at)
    parts = [
        f"The last run peaked at {peak}"
        if advice.runs == 1
        else f"The last {advice.runs} runs peaked at {peak}"
    ]
    if advice.killed:
        parts.append(
            f"1 was killed at {killed_at}"
            if advice.killed == 1
            else f"{advice.killed} were killed at {killed_at}"
        )
    parts.append(f"and kept {advice.cpu_peak / 100:.1f} cores busy")
    said = ", ".join(parts)
    if not advice.is_change:
        return f"{said}: {message('what they have fits')}."
    wanted = [format_bytes(advice.memory_bytes)] if advice.memory_bytes is not None else []
    if advice.cpus is not None:
        wanted.append(f"{advice.cpus:g} CPUs")
    use = message(f"use {wanted[0]}")
    if len(wanted) > 1:
        use = message(f"use {wanted[0]} and {wanted[1]}")
    return f"{said}: {use}."


def round_memory(size: float) -> int:
    """Return the next size that a person would write: steps of 256 MiB, then 0.5 and 1 GiB."""
    step = 256 * _MIB if size <= 2 * _GIB else _GIB // 2 if size <= 8 * _GIB else _GIB
    return max(step, math.ceil(size / step) * step)


def _memory(peak: int, killed_at: int, limit: int, count: int) -> int | None:
    wanted = round_memory(max(peak * _ROOM, killed_at * _ROOM_AFTER_KILL))
    if limit <= 0:
        return None
    is_short = limit <= killed_at or peak > limit * 0.9
    is_plenty = not killed_at and count >= _LEAST_RUNS and peak * _TOO_MUCH < limit
    if is_short and wanted > limit:
        return wanted
    return wanted if is_plenty and wanted < limit else None


def _cpus(peak: float, limit: float, count: int) -> float | None:
    if limit <= 0:
        return None
    wanted = max(0.5, math.ceil(peak / 100 * _ROOM * 2) / 2)
    if peak / 100 > limit * 0.95 and wanted > limit:
        return wanted
    is_plenty = count >= _LEAST_RUNS and peak / 100 * _TOO_MUCH < limit
    return wanted if is_plenty and wanted < limit else None


def _newest(runs: Sequence[Run], name: str) -> float:
    """Return the newest limit that was set, 0 for none."""
    newest = max(runs, key=lambda run: run.started_at)
    return float(getattr(newest, name))
