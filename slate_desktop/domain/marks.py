"""What happened at a moment, as it is marked on the graphs."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class MarkKind(StrEnum):
    """What a mark tells of."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    FAILED = "failed"
    OOM = "oom"
    ERRORS = "errors"
    BUILD = "build"
    ASSET = "asset"
    ALERT = "alert"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """One mark: when (UTC nanoseconds), of what kind, in words, and of which session if of one."""

    at_ns: int
    kind: MarkKind
    words: str
    session_id: str | None = None


def error_bursts(
    times_ns: Iterable[int], *, window_s: float = 10.0, least: int = 5
) -> list[tuple[int, int]]:
    """Return where errors come thick: (the first one's time, how many), oldest first.

    A burst is at least ``least`` errors, each within ``window_s`` seconds of the one before.
    """
    bursts: list[tuple[int, int]] = []
    first, last, count = 0, 0, 0
    for at in sorted(times_ns):
        if count and at - last <= window_s * 1e9:
            count, last = count + 1, at
            continue
        if count >= least:
            bursts.append((first, count))
        first, last, count = at, at, 1
    if count >= least:
        bursts.append((first, count))
    return bursts
