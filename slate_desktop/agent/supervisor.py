"""The life of one session on this agent, from the claim to the last stored line.

::

    create → start → watch ─→ conclude ─→ stopped | failed
       ↑                          │
       └──────── restart ─────────┘

One task per session drives the runtime; commands only record an intent and wake that task. Every
write of state goes through the recorder. A runtime is removed only after its end was committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from slate_desktop.agent import failpoints
from slate_desktop.agent.drivers.base import (
    Driver,
    ExecResult,
    Handle,
    Inspection,
    RuntimeState,
)
from slate_desktop.agent.endings import (
    StopFailedError,
    end_runtime,
    remove_runtime,
    until_ended,
    wait_for_end,
)
from slate_desktop.agent.limits import limits_note, limits_to_json, refuse_less_than_used
from slate_desktop.agent.logpump import LogPump
from slate_desktop.agent.planning import StartPlan
from slate_desktop.agent.retry import until_database_answers
from slate_desktop.agent.services import Services
from slate_desktop.agent.verdict import Verdict, judge, judge_error
from slate_desktop.agent.watching import SessionWatch
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.errors import (
    CommandError,
    DatabaseError,
    ErrorCode,
    Retry,
    SlateError,
    StaleWriteError,
)

_log = logging.getLogger(__name__)
# A runtime counts as running once it has lived this long.
SETTLE_S = 0.3
PROGRESS_S = 0.5
_S = SessionStatus


class Intent(StrEnum):
    """What the user wants of the runtime."""

    RUN = "run"
    STOP = "stop"
    RESTART = "restart"


class Life:
    """One session's runtime on this agent.

    Args:
        services: recorder, stats and tasks of the agent.
        row: the session's row as last written.
        driver: who runs it.
        plan: how to start it, or how an adopted one was started.
        handle: the adopted runtime; None to create one.
        state: what the engine said of the adopted runtime.
    """

    def __init__(
        self,
        services: Services,
        row: RuntimeSession,
        driver: Driver,
        plan: StartPlan,
        *,
        handle: Handle | None = None,
        state: RuntimeState = RuntimeState.CREATED,
    ) -> None:
        self.row = row
        self.handle = handle
        self.error: CommandError | None = None
        self.is_over = False
        # What was changed while it ran, as a configuration: a restart takes it over.
        self.changed_limits: dict[str, object] = {}
        self._services = services
        self._recorder = services.recorder
        self._driver = driver
        self._plan = plan
        self._state = state
        self._next: tuple[Driver, StartPlan] | None = None
        self._intent = Intent.RUN
        self._grace_s = plan.config.stop_grace_s
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._lock = asyncio.Lock()
        self._asked_s = self._started_s = time.monotonic()
        self._is_log_complete = False
        self._pump: LogPump | None = None
        self._progress = ""
        self._progress_s = 0.0
        if row.status is _S.STOPPING:
            self._intent = Intent.STOP
            self._wake.set()

    @property
    def memory_limit(self) -> int | None:
        """Bytes that the container may take; None for a local process."""
        is_contained = self._plan.driver is DriverName.DOCKER
        return self._plan.config.memory_bytes if is_contained else None

    # What commands ask.

    async def stop(self, grace_s: float | None) -> None:
        """Record that the session is to stop, and wake its task.

        Raises:
            DatabaseError: nothing was recorded, nothing happens to the runtime.
            StaleWriteError: the row has moved on.
            CommandError: ``illegal_state``.
        """
        await self._intend(Intent.STOP, grace_s)

    async def restart(self, driver: Driver, plan: StartPlan, grace_s: float | None) -> None:
        """Record that the runtime is to be replaced by a new one; raises like ``stop``."""
        await self._intend(Intent.RESTART, grace_s, (driver, plan))

    async def execute(self, argv: list[str], timeout_s: float) -> ExecResult:
        """Run a command inside the runtime.

        Raises:
            CommandError: ``illegal_state``, ``exec_timeout``, or what the engine says.
        """
        if self.handle is None or self.row.status is not _S.RUNNING:
            raise CommandError(
                ErrorCode.ILLEGAL_STATE, f"the session is {self.row.status.value}, not running"
            )
        return await self._driver.execute(self.handle, argv, timeout_s)

    async def update(self, memory_bytes: int | None, cpus: float | None) -> RuntimeSession:
        """Change what the runtime may take, until the session ends; a restart keeps it.

        Raises:
            CommandError: ``illegal_state``, ``limit_denied`` for what the host or its driver
                cannot give, and for less memory than is used, or ``quota_exceeded``.
            DatabaseError: nothing was changed.
        """
        async with self._lock:
            if self.handle is None or self.row.status is not _S.RUNNING:
                raise CommandError(
                    ErrorCode.ILLEGAL_STATE, f"the session is {self.row.status.value}, not running"
                )
            newest = self._services.stats.newest(self.row.id)
            refuse_less_than_used(memory_bytes, newest[0] if newest is not None else None)
            plan = self._plan.with_limits(memory_bytes, cpus)
            await self._recorder.hold(self.row, plan)
            try:
                await self._driver.update(self.handle, memory_bytes=memory_bytes, cpus=cpus)
            except BaseException:
                with contextlib.suppress(SlateError):
                    await self._recorder.hold(self.row, self._plan)
                raise
            self._plan = plan
            self.changed_limits |= limits_to_json(memory_bytes, cpus)
        with contextlib.suppress(DatabaseError):
            await self._recorder.note_limits(self.row, self._plan.config)
        if self._pump is not None:
            await self._pump.note(limits_note(memory_bytes, cpus))
        return self.row

    async def add_line(self, level: LogLevel, message: str, metadata: dict[str, Any]) -> LogRecord:
        """Add a person's line to the session's log, numbered among the runtime's own.

        Raises:
            DatabaseError: no log is carried now, and the database is away.
            StaleWriteError: the log ended before the line was known to be stored.
            CommandError: ``not_found``.
        """
        record = await self._pump.add(level, message, metadata) if self._pump else None
        if record is None:
            record = await self._recorder.log_sink(self.row).add(level, message, metadata)
        return record

    async def wait_until(self, is_true: Callable[[RuntimeSession], bool]) -> RuntimeSession:
        """Return the row once it satisfies ``is_true``, or once the life is over."""
        while not is_true(self.row) and not self.is_over:
            await self._changed.wait()
        return self.row

    async def found_again(self, row: RuntimeSession) -> None:
        """Say that a session lives which other agents took for lost: this one was not heard of.

        One that begins or ends says so by its next write.

        Raises:
            StaleWriteError: the row has moved on.
            DatabaseError: another time.
        """
        async with self._lock:
            is_lost = row.status is _S.LOST and row.attempt == self.row.attempt
            if is_lost and self.row.status is _S.RUNNING and not self.is_over:
                self._set_row(await self._recorder.adopt(row))

    # The one task.

    async def run(self) -> None:
        """Drive the runtime to its end; the recorder has written the claim already."""
        try:
            while await self._conclude(await self._attempt()):
                pass
        except StaleWriteError as error:
            _log.warning(
                "another writer owns the session",
                extra={"session": self.row.id, "reason": str(error)},
            )
        finally:
            self._services.stats.forget(self.row.id, self.handle)
            self.is_over = True
            self._announce()

    async def _attempt(self) -> Verdict:
        """Run one runtime and return the verdict; it is drained, not yet removed."""
        self._is_log_complete = False
        try:
            if self.handle is None:
                self.handle = await self._create()
                if self.handle is None:
                    self._is_log_complete = True
                    return Verdict(status=_S.STOPPED)
            if self._state is RuntimeState.CREATED:
                self._is_log_complete = True  # nothing is written before it starts
                self._asked_s = time.monotonic()
                await self._driver.start(self.handle)
                self._is_log_complete = False
                failpoints.hit("after_start")
            self._started_s = time.monotonic()
            return await self._watch(self.handle)
        except StaleWriteError:
            raise
        except CommandError as error:
            return await self._judge_error(error)
        except Exception as error:  # noqa: BLE001 - the boundary of a worker
            _log.exception("a runtime failed for a reason of ours", extra={"session": self.row.id})
            return await self._judge_error(
                CommandError(ErrorCode.INTERNAL, f"the agent failed to run the session: {error}")
            )

    async def _create(self) -> Handle | None:
        """Make the runtime; None when a stop came first."""
        log_bytes = await self._services.run_bytes(self.row.project_id)
        spec = self._plan.spec(self.row, log_bytes)
        loop = asyncio.get_running_loop()

        def on_progress(text: str) -> None:
            loop.call_soon_threadsafe(self._on_progress, text)

        creating = asyncio.ensure_future(self._driver.create(spec, on_progress=on_progress))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({creating, waking}, return_when=asyncio.FIRST_COMPLETED)
            if not creating.done():
                return None
            handle = creating.result()
        finally:
            creating.cancel()
            waking.cancel()
        failpoints.hit("after_create")
        return handle

    async def _watch(self, handle: Handle) -> Verdict:
        """Follow a started runtime until it has ended and its log is stored."""
        sink = self._recorder.log_sink(self.row)
        if self._state is RuntimeState.RUNNING:
            # Its row says so already, and whoever reads that may ask for figures.
            self._services.stats.watch(self.row, self._driver, handle)
        watch = await self._open_watch()
        pump = self._pump = LogPump(self._driver, handle, sink, self._services.limits, watch)
        if watch is not None:
            watch.attach(pump)
        pumping = asyncio.create_task(self._carry_log(pump), name=f"log.{self.row.id}")
        waiting = asyncio.create_task(
            wait_for_end(self._driver, handle), name=f"wait.{self.row.id}"
        )
        settling = asyncio.create_task(self._settle(handle, waiting), name=f"settle.{self.row.id}")
        stopping = asyncio.create_task(self._stop_when_asked(handle), name=f"stop.{self.row.id}")
        tasks = [pumping, waiting, settling, stopping]
        try:
            await until_ended(waiting, stopping, pumping)
            inspection = waiting.result()
            failpoints.hit("after_exit")
            settling.cancel()
            verdict = judge(
                inspection,
                was_asked=self._intent is not Intent.RUN,
                ran_s=self._ran_s(inspection),
                memory_limit=self._plan.config.memory_bytes,
            )
            pump.end_with(verdict.note, watch.ended(verdict) if watch is not None else ())
            await pumping
            return verdict
        finally:
            self._close_watch(watch)
            for task in tasks:
                task.cancel()
            await asyncio.shield(asyncio.gather(*tasks, return_exceptions=True))

    async def _open_watch(self) -> SessionWatch | None:
        watches = self._services.watches
        return await watches.open(self.row) if watches is not None else None

    def _close_watch(self, watch: SessionWatch | None) -> None:
        if watch is not None and self._services.watches is not None:
            self._services.watches.close(watch)

    async def _carry_log(self, pump: LogPump) -> None:
        """Run the log; a fault of ours in it costs the log its completeness, not the runtime."""
        try:
            await pump.run()
        except (StaleWriteError, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001 - the boundary of a worker
            _log.exception("a log broke off", extra={"session": self.row.id})
        else:
            self._is_log_complete = pump.is_complete

    async def _settle(self, handle: Handle, waiting: asyncio.Task[Inspection]) -> None:
        """Record ``running`` once the runtime has lived long enough."""
        if self._state is RuntimeState.CREATED:
            left_s = SETTLE_S - await self._lived_s(handle)
            await asyncio.wait({waiting}, timeout=max(left_s, 0.0))
        if waiting.done():
            return
        self._services.stats.watch(self.row, self._driver, handle)
        try:
            inspection = await self._driver.inspect(handle)
        except CommandError:
            inspection = Inspection(state=RuntimeState.RUNNING)
        if inspection.state is not RuntimeState.RUNNING:
            return
        await until_database_answers(lambda: self._record_running(handle, inspection))

    async def _lived_s(self, handle: Handle) -> float:
        """Return how long the runtime has run: an engine's answer comes some time after its start.

        Never more than since it was asked to start, whatever the engine's clock says.
        """
        try:
            started_ns = (await self._driver.inspect(handle)).started_at_ns
        except CommandError:
            started_ns = None
        if started_ns is None:
            return 0.0
        lived_s = (time.time_ns() - started_ns) / 1e9
        return min(max(lived_s, 0.0), time.monotonic() - self._asked_s)

    async def _record_running(self, handle: Handle, inspection: Inspection) -> None:
        async with self._lock:
            if self.row.status is _S.STARTING:
                self._set_row(await self._recorder.running(self.row, handle, inspection))
                await self._recorder.note_limits(self.row, self._plan.config)

    async def _stop_when_asked(self, handle: Handle) -> None:
        await self._wake.wait()
        await end_runtime(self._driver, handle, self._grace_s)

    async def _conclude(self, verdict: Verdict) -> bool:
        """Write the end of the attempt, then remove the runtime; True when a new one follows."""
        self._services.stats.forget(self.row.id, self.handle)
        handle, driver, name = self.handle, self._driver, self.row.container_name
        is_again = self._intent is Intent.RESTART and verdict.status is _S.STOPPED
        if is_again and self._next is not None:
            self._driver, self._plan = self._next
            await self._again()
        else:
            row = await until_database_answers(
                lambda: self._recorder.finish(self.row, verdict, log_complete=self._is_log_complete)
            )
            self._set_row(row)
            is_again = False
        # One whose log could not be read whole stays: the reconciler reads it, then removes it.
        is_read = handle is None or self._is_log_complete
        if is_read and not isinstance(self.error, StopFailedError):
            await remove_runtime(driver, handle, name or "", self._recorder.agent_id)
        return is_again

    async def _again(self) -> None:
        row = await until_database_answers(lambda: self._recorder.restarting(self.row, self._plan))
        self.handle, self._next, self.error = None, None, None
        self._state = RuntimeState.CREATED
        async with self._lock:
            if self._intent is Intent.RESTART:
                self._intent = Intent.RUN
                self._wake.clear()
            self._set_row(row)

    async def _intend(
        self, intent: Intent, grace_s: float | None, new: tuple[Driver, StartPlan] | None = None
    ) -> None:
        async with self._lock:
            status = self.row.status
            if status in (_S.STARTING, _S.RUNNING):
                self._set_row(await self._recorder.stopping(self.row, is_restart=new is not None))
            elif status is not _S.STOPPING or intent is Intent.RESTART:
                raise CommandError(
                    ErrorCode.ILLEGAL_STATE,
                    f"the session is {status.value}",
                    retry=Retry.LATER if status is _S.STOPPING else Retry.NEVER,
                )
            self._intent = intent
            self._next = new
            if grace_s is not None:
                self._grace_s = grace_s
            self._wake.set()

    async def _judge_error(self, error: CommandError) -> Verdict:
        self.error = error
        if self._intent is not Intent.RUN and not isinstance(error, StopFailedError):
            return Verdict(status=_S.STOPPED)
        verdict = judge_error(error)
        watch = await self._open_watch()
        if watch is not None:
            # There is no log that would take a note.
            watch.ended(verdict)
        self._close_watch(watch)
        return verdict

    def _ran_s(self, inspection: Inspection) -> float:
        if inspection.started_at_ns and inspection.finished_at_ns:
            return (inspection.finished_at_ns - inspection.started_at_ns) / 1e9
        return time.monotonic() - self._started_s

    def _on_progress(self, text: str) -> None:
        """Show what a slow start does, at most twice a second."""
        now_s = time.monotonic()
        if text != self._progress and now_s - self._progress_s >= PROGRESS_S and not self.is_over:
            self._progress, self._progress_s = text, now_s
            self._services.tasks.spawn(
                self._recorder.publish_status(self.row, note=text), f"progress.{self.row.id}"
            )

    def _set_row(self, row: RuntimeSession) -> None:
        self.row = row
        self._announce()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
