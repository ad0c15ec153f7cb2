"""Values that the Python API takes and gives, beside those of ``domain``."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from slate_desktop.domain.session import RuntimeSession
from slate_desktop.domain.stats import ContainerStats


class ExecResult(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of a command run inside a runtime; long output is cut, see ``truncated``."""

    exit_code: int
    stdout: str
    stderr: str
    duration_ms: int
    truncated: bool = False


class StatsReading(msgspec.Struct, frozen=True, kw_only=True):
    """The newest sample of a runtime, and how old it was when the agent sent it."""

    stats: ContainerStats
    age_ms: int


class CommandOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What start, stop and restart return: the row, and whether the goal is reached.

    ``is_done`` is false when the agent goes on with the work (a pull, a long stop); the rest comes
    as status events, and ``wait_for_status`` waits for it. ``notes`` are sentences about what was
    changed on the way, such as a preset that was sized down.
    """

    session: RuntimeSession
    is_done: bool
    notes: list[str] = []


class LampState(StrEnum):
    """Health of one part, from good to bad; ``unknown`` until the first look."""

    OK = "ok"
    BUSY = "busy"
    WARNING = "warning"
    OFF = "off"
    UNKNOWN = "unknown"


class Lamp(msgspec.Struct, frozen=True, kw_only=True):
    """One connection lamp.

    Attributes:
        name: ``broker``, ``database``, ``agent`` or ``engine``.
        state: its health.
        words: one or two words for the status bar, such as "connected".
        detail: a sentence for the tooltip: what, why, and what to do.
        latency_ms: the last round trip, or None where there is none.
    """

    name: str
    state: LampState = LampState.UNKNOWN
    words: str = "unknown"
    detail: str = ""
    latency_ms: float | None = None
