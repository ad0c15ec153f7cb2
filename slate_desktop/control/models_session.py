"""One session, live: status, logs, stats, loading, error; start, stop, restart, execute."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

from slate_desktop.bus.port import ConnectionState
from slate_desktop.control.client import Slate
from slate_desktop.control.console import DEFAULT_MAX_LINES, LogBuffer
from slate_desktop.control.history import LogHistory
from slate_desktop.control.live import Lifetime, Rereading
from slate_desktop.control.log_search import LogSearch, SearchPattern
from slate_desktop.control.signals import Signal
from slate_desktop.control.stats_history import StatsHistory
from slate_desktop.control.status import apply_status
from slate_desktop.control.stored_log import StoredLog
from slate_desktop.control.values import CommandOutcome, ExecResult
from slate_desktop.domain.container import ContainerConfig
from slate_desktop.domain.logs import LogLevel, LogPage
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import SlateError
from slate_desktop.wire.events import StatusEvent

T = TypeVar("T")


class RuntimeSessionModel:
    """One session, live.

    Attributes:
        session: the newest row, None before ``open``.
        logs: its newest lines.
        log: all its lines, those of the database among them.
        stats: the newest sample, None while it does not run.
        stats_history: one hour of samples.
        is_loading: a command is under way.
        error: what went wrong last, or None.
        note: progress in words, such as a pull; empty when there is none.
    """

    session_changed = Signal(object)  # RuntimeSession
    logs_appended = Signal(int)  # number of new rows
    stats_changed = Signal(object)  # ContainerStats | None
    error_changed = Signal(object)  # SlateError | None
    loading_changed = Signal(bool)
    note_changed = Signal(str)

    def __init__(
        self, slate: Slate, session_id: str, *, max_lines: int = DEFAULT_MAX_LINES
    ) -> None:
        self.session_id = session_id
        self.session: RuntimeSession | None = None
        self.logs = LogBuffer(max_lines)
        self.stats: ContainerStats | None = None
        self.stats_history = StatsHistory()
        self.error: SlateError | None = None
        self.note = ""
        self._slate = slate
        self._commands = 0
        self._life = Lifetime(f"session.{session_id}")
        self._history = LogHistory(self.logs, self._read_page)
        self.log = StoredLog(self.logs, self._read_page, self._life.spawn)
        self._rereading: Rereading | None = None
        # Counts what was told, so that a reading knows whether it was overtaken.
        self._news = 0
        self.logs.appended.connect(self.logs_appended.emit)

    @property
    def is_loading(self) -> bool:
        """Whether a command is under way."""
        return self._commands > 0

    @property
    def has_older_logs(self) -> bool:
        """Whether ``load_older_logs`` would find more."""
        return self._history.has_older

    async def open(self) -> None:
        """Read the row, the newest page of the log and the stored stats, and go live.

        Raises:
            SlateError: the row cannot be read. A log or stats that cannot be read land in
                ``error``, and the model is live all the same.
        """
        slate, life = self._slate, self._life
        life.own(slate.events.on_status(self._on_status, self.session_id))
        life.own(slate.bus.on_state(self._on_connection))
        life.own(slate.on_log_added(self._on_log_added))
        row = await slate.get_runtime_session(self.session_id)
        life.own(await slate.events.follow_logs(row.project_id, row.id, self._history.offer))
        life.own(await slate.events.follow_stats(row.project_id, row.id, self._on_stats))
        self._set_session(row)
        self._rereading = Rereading(life, self._reread, self._set_error)
        try:
            await self._history.open()
            await self.log.open()
            samples = await slate.get_stats_history(self.session_id, points=3601)
        except SlateError as exc:
            self._set_error(exc)
            self._history.catch_up()
        else:
            self.stats_history.load(samples)
            if samples:
                self.stats_changed.emit(self.stats)

    async def aclose(self) -> None:
        """Stop following the session; it runs on."""
        await self._life.aclose()
        await self._history.aclose()

    async def start(
        self,
        config: ContainerConfig | Mapping[str, object] | None = None,
        *,
        host: str | None = None,
    ) -> CommandOutcome | None:
        """Start it, on a host or where SLATE finds best. Failures land in ``error``, and None."""
        return await self._outcome(self._slate.start_container(self.session_id, config, host=host))

    async def stop(self) -> CommandOutcome | None:
        """Stop it. Failures land in ``error`` and return None."""
        return await self._outcome(self._slate.stop_container(self.session_id))

    async def restart(self) -> CommandOutcome | None:
        """Restart it. Failures land in ``error`` and return None."""
        return await self._outcome(self._slate.restart_container(self.session_id))

    async def execute(self, argv: Sequence[str], timeout_s: float = 30.0) -> ExecResult | None:
        """Run a command inside. Failures land in ``error`` and return None."""
        return await self._guarded(self._slate.execute_command(self.session_id, argv, timeout_s))

    def search_logs(self, pattern: SearchPattern, near: int) -> LogSearch:
        """Return a search over every line; ``run`` it.

        Raises:
            re.error: the expression is none.
        """
        log = self.log
        return LogSearch(
            pattern,
            functools.partial(self._slate.search_runtime_logs, self.session_id),
            self._read_page,
            first=log.first_seq,
            last=log.last_seq,
            near=near,
        )

    async def find_error(self, seq: int, direction: int) -> int | None:
        """Return the number of the next error line after (1) or before (-1) a number, or None.

        Raises:
            SlateError: the log cannot be read.
        """
        page = await self._slate.get_runtime_logs(
            self.session_id,
            limit=1,
            min_level=LogLevel.ERROR,
            after=seq if direction > 0 else None,
            before=seq if direction < 0 else None,
        )
        return page.lines[0].seq if page.lines else None

    async def find_moment(self, timestamp_ns: int) -> int | None:
        """Return the number of the first line at or after a moment, the newest one behind the end.

        Raises:
            SlateError: the log cannot be read.
        """
        seq = await self._slate.find_runtime_log_at(self.session_id, timestamp_ns)
        return seq or self.log.last_seq or None

    async def problem_density(self, buckets: int) -> dict[LogLevel, dict[int, int]]:
        """Return how many warnings and errors lie in each equal part of the shown log.

        Raises:
            SlateError: the log cannot be read.
        """
        return await self._slate.get_problem_density(
            self.session_id, self.log.first_seq, self.log.last_seq, buckets
        )

    async def load_older_logs(self, limit: int = 1000) -> int:
        """Put an older page in front of the console; returns the number of lines."""
        try:
            return await self._history.load_older(limit)
        except SlateError as exc:
            self._set_error(exc)
            return 0

    async def _outcome(self, command: Awaitable[CommandOutcome]) -> CommandOutcome | None:
        outcome = await self._guarded(command)
        if outcome is not None:
            self._news += 1
            self._set_session(outcome.session)
        return outcome

    async def _guarded(self, command: Awaitable[T]) -> T | None:
        self._commands += 1
        if self._commands == 1:
            self.loading_changed.emit(True)
        self._set_error(None)
        try:
            return await command
        except SlateError as exc:
            self._set_error(exc)
            return None
        finally:
            self._commands -= 1
            if not self._commands:
                self.loading_changed.emit(False)
            if self._rereading is not None:
                self._rereading.ask()

    async def _reread(self) -> None:
        row = await self._slate.get_runtime_session(self.session_id)
        if self.session is None or row.version >= self.session.version:
            self._set_session(row)
            return
        # The cache is behind, or an event told what is not so. The row itself decides, unless
        # something newer came meanwhile.
        news = self._news
        row = await self._slate.db.sessions.get(self.session_id)
        self._set_session(row, is_decisive=news == self._news)

    async def _read_page(self, before: int | None, after: int | None, limit: int) -> LogPage:
        return await self._slate.get_runtime_logs(
            self.session_id, limit=limit, before=before, after=after
        )

    def _on_status(self, event: StatusEvent) -> None:
        self._news += 1
        if self.session is not None:
            self._set_session(apply_status(self.session, event.data))
        self._set_note(event.data.note or "")
        if self._rereading is not None:
            self._rereading.ask()

    def _on_stats(self, stats: ContainerStats) -> None:
        self.stats_history.add(stats)
        if self.session is not None and self.session.status is SessionStatus.RUNNING:
            self.stats = stats
            self.stats_changed.emit(stats)

    def _on_log_added(self, session_id: str) -> None:
        if session_id == self.session_id:
            self._history.catch_up()

    def _on_connection(self, state: ConnectionState) -> None:
        if state is ConnectionState.CONNECTED:
            self._history.catch_up()
            if self._rereading is not None:
                self._rereading.ask()

    def _set_session(self, row: RuntimeSession, *, is_decisive: bool = False) -> None:
        old = self.session
        is_older = old is not None and row.version < old.version
        if row == old or (is_older and not is_decisive):
            return
        self.session = row
        if row.status is not SessionStatus.RUNNING and self.stats is not None:
            self.stats = None
            self.stats_changed.emit(None)
        if row.status not in (SessionStatus.STARTING, SessionStatus.STOPPING):
            self._set_note("")
        if old is not None and row.log_complete and not old.log_complete:
            self._history.catch_up()
        self.session_changed.emit(row)

    def _set_note(self, note: str) -> None:
        if note != self.note:
            self.note = note
            self.note_changed.emit(note)

    def _set_error(self, error: SlateError | None) -> None:
        if error is not self.error:
            self.error = error
            self.error_changed.emit(error)
