"""The stats of a session by request: every 5 s, only while it runs, and it can be switched off."""

from __future__ import annotations

import asyncio
import contextlib

from slate_desktop.control.client import Slate
from slate_desktop.control.live import Lifetime
from slate_desktop.control.signals import Signal
from slate_desktop.control.values import StatsReading
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import CommandError, ErrorCode, SlateError
from slate_desktop.wire.events import StatusEvent


class ContainerStatsModel:
    """Asks the agent for the newest sample, as the original client does.

    Attributes:
        reading: the newest answer, None while the session does not run.
        error: why the last question failed, or None.
    """

    stats_changed = Signal(object)  # StatsReading | None
    error_changed = Signal(object)  # SlateError | None

    def __init__(
        self, slate: Slate, session_id: str, *, interval_s: float = 5.0, is_enabled: bool = True
    ) -> None:
        self.session_id = session_id
        self.reading: StatsReading | None = None
        self.error: SlateError | None = None
        self._slate = slate
        self._interval_s = interval_s
        self._is_enabled = is_enabled
        self._is_running = False
        self._is_told = False
        self._wake = asyncio.Event()
        self._life = Lifetime(f"stats.{session_id}")

    @property
    def is_enabled(self) -> bool:
        """Whether it is switched on."""
        return self._is_enabled

    async def open(self) -> None:
        """Begin to poll.

        Raises:
            SlateError: the session cannot be read.
        """
        self._life.own(self._slate.events.on_status(self._on_status, self.session_id))
        session = await self._slate.get_runtime_session(self.session_id)
        if not self._is_told:  # the row may be older than what was told meanwhile
            self._set_running(session.status is SessionStatus.RUNNING)
        self._life.spawn(self._poll(), "poll")

    def set_enabled(self, is_enabled: bool) -> None:
        """Switch polling on or off."""
        self._is_enabled = is_enabled
        self._wake.set()

    async def aclose(self) -> None:
        """End polling."""
        await self._life.aclose()

    def _on_status(self, event: StatusEvent) -> None:
        self._is_told = True
        self._set_running(event.data.status is SessionStatus.RUNNING)

    def _set_running(self, is_running: bool) -> None:
        if is_running != self._is_running:
            self._is_running = is_running
            self._wake.set()
        if not is_running:
            self._set_reading(None)

    async def _poll(self) -> None:
        while True:
            self._wake.clear()
            if not (self._is_running and self._is_enabled):
                await self._wake.wait()
                continue
            await self._ask()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await self._wake.wait()

    async def _ask(self) -> None:
        try:
            reading = await self._slate.get_container_stats(self.session_id)
        except CommandError as exc:
            self._set_error(None if exc.code is ErrorCode.NOT_RUNNING else exc)
            return
        except SlateError as exc:
            self._set_error(exc)
            return
        self._set_error(None)
        if self._is_running and self._is_enabled:
            self._set_reading(reading)

    def _set_reading(self, reading: StatsReading | None) -> None:
        if reading is not self.reading:
            self.reading = reading
            self.stats_changed.emit(reading)

    def _set_error(self, error: SlateError | None) -> None:
        if error is not self.error:
            self.error = error
            self.error_changed.emit(error)
