"""Live models: a session, its stats, the list of sessions, a project's builds.

Plain objects with psygnal signals, emitted on the loop's thread. The window binds widgets to them;
scripts use them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psygnal import Signal

from slate_desktop.control.client import Slate
from slate_desktop.control.console import LogBuffer
from slate_desktop.control.stats_history import StatsHistory
from slate_desktop.control.values import CommandOutcome, ExecResult
from slate_desktop.domain.build import BuildJob
from slate_desktop.domain.container import ContainerConfig
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import SlateError


class RuntimeSessionModel:
    """One session, live: status, logs, stats, loading, error; start, stop, restart, execute.

    Attributes:
        session: the newest row, None before ``open``.
        logs: its console.
        stats: the newest sample, None while it does not run.
        stats_history: one hour of samples.
        is_loading: a command is under way.
        error: what went wrong last, or None.
        note: progress in words, such as a pull; empty when there is none.
        has_older_logs: whether ``load_older_logs`` would find more.
    """

    session_changed = Signal(object)  # RuntimeSession
    logs_appended = Signal(int)  # number of new rows
    stats_changed = Signal(object)  # ContainerStats | None
    error_changed = Signal(object)  # SlateError | None
    loading_changed = Signal(bool)
    note_changed = Signal(str)

    session: RuntimeSession | None
    logs: LogBuffer
    stats: ContainerStats | None
    stats_history: StatsHistory
    is_loading: bool
    error: SlateError | None
    note: str
    has_older_logs: bool

    def __init__(self, slate: Slate, session_id: str, *, max_lines: int = 1_000_000) -> None:
        raise NotImplementedError

    async def open(self) -> None:
        """Read the row, the newest page of the log and the stored stats, and go live."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Stop following the session; it runs on."""
        raise NotImplementedError

    async def start(
        self, config: ContainerConfig | Mapping[str, object] | None = None
    ) -> CommandOutcome | None:
        """Start it. Failures land in ``error`` and return None."""
        raise NotImplementedError

    async def stop(self) -> CommandOutcome | None:
        """Stop it. Failures land in ``error`` and return None."""
        raise NotImplementedError

    async def restart(self) -> CommandOutcome | None:
        """Restart it. Failures land in ``error`` and return None."""
        raise NotImplementedError

    async def execute(self, argv: Sequence[str], timeout_s: float = 30.0) -> ExecResult | None:
        """Run a command inside. Failures land in ``error`` and return None."""
        raise NotImplementedError

    async def load_older_logs(self, limit: int = 1000) -> int:
        """Put an older page in front of the console; returns the number of lines."""
        raise NotImplementedError


class ContainerStatsModel:
    """The stats of a session by request, every 5 s and only while it runs; can be switched off."""

    stats_changed = Signal(object)  # StatsReading | None
    error_changed = Signal(object)  # SlateError | None

    def __init__(
        self, slate: Slate, session_id: str, *, interval_s: float = 5.0, is_enabled: bool = True
    ) -> None:
        raise NotImplementedError

    async def open(self) -> None:
        """Begin to poll."""
        raise NotImplementedError

    def set_enabled(self, is_enabled: bool) -> None:
        """Switch polling on or off."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """End polling."""
        raise NotImplementedError


class SessionListModel:
    """All sessions of the user's projects, kept live by status events and re-reading."""

    sessions_changed = Signal()  # the set or the order changed
    session_changed = Signal(object)  # RuntimeSession
    error_changed = Signal(object)  # SlateError | None

    sessions: list[RuntimeSession]  # newest first
    error: SlateError | None

    def __init__(self, slate: Slate, project_id: str | None = None) -> None:
        raise NotImplementedError

    async def open(self) -> None:
        """Read the list and go live."""
        raise NotImplementedError

    async def refresh(self) -> None:
        """Read the list again."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Stop following."""
        raise NotImplementedError


class BuildJobsModel:
    """The build jobs of a project: ``jobs`` newest first, ``active_job`` the one under way."""

    jobs_changed = Signal()
    active_job_changed = Signal(object)  # BuildJob | None
    error_changed = Signal(object)  # SlateError | None

    jobs: list[BuildJob]
    active_job: BuildJob | None
    error: SlateError | None

    def __init__(self, slate: Slate, project_id: str) -> None:
        raise NotImplementedError

    async def open(self) -> None:
        """Read the jobs and go live."""
        raise NotImplementedError

    async def refresh(self) -> None:
        """Read the jobs again."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Stop following."""
        raise NotImplementedError
