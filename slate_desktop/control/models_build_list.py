"""The newest builds of all projects, live: rows after each change, progress at once."""

from __future__ import annotations

import asyncio

import msgspec

from slate_desktop.bus.port import ConnectionState
from slate_desktop.control.client import Slate
from slate_desktop.control.events import BuildEvent
from slate_desktop.control.live import Lifetime, Rereading
from slate_desktop.control.signals import Signal
from slate_desktop.domain.build import BuildJob, BuildStatus
from slate_desktop.errors import SlateError

MAX_BUILDS = 500
_BUSY_S = 5.0
# Hundreds of events a second are one reading.
_PAUSE_S = 0.4


class BuildListModel:
    """The newest builds, and all that are active.

    Attributes:
        builds: the rows.
        error: why the last reading failed, or None.
    """

    builds_changed = Signal()
    build_touched = Signal(object)  # BuildJob: only its progress moved
    build_ended = Signal(object)  # BuildJob: it was seen active before
    error_changed = Signal(object)  # SlateError | None

    def __init__(self, slate: Slate) -> None:
        self.builds: list[BuildJob] = []
        self.error: SlateError | None = None
        self._slate = slate
        self._life = Lifetime("build-list")
        self._rereading: Rereading | None = None

    async def open(self) -> None:
        """Read the builds and go live.

        Raises:
            SlateError: they cannot be read.
        """
        self._life.own(self._slate.events.on_build(self._on_event))
        self._life.own(self._slate.on_builds_changed(lambda _project: self._ask()))
        self._life.own(self._slate.bus.on_state(self._on_connection))
        await self._read()
        self._rereading = Rereading(self._life, self.refresh, self._set_error, every_s=_BUSY_S)

    async def refresh(self) -> None:
        """Read the builds again.

        Raises:
            SlateError: they cannot be read.
        """
        await self._read()
        await asyncio.sleep(_PAUSE_S)

    def find(self, build_id: str) -> BuildJob | None:
        """Return a build of the list."""
        return next((build for build in self.builds if build.id == build_id), None)

    async def aclose(self) -> None:
        """Stop following."""
        await self._life.aclose()

    async def _read(self) -> None:
        builds = await self._slate.list_build_jobs(limit=MAX_BUILDS, is_fresh=True)
        if len(builds) == MAX_BUILDS:
            # In a long queue the builds that run are the oldest ones.
            known = {build.id for build in builds}
            active = await self._slate.list_active_builds()
            builds += [build for build in active if build.id not in known]
        if builds == self.builds:
            return
        active = {build.id for build in self.builds if not build.is_final}
        # Comparing hundreds and showing them are two turns of the loop.
        await asyncio.sleep(0)
        self.builds = builds
        self.builds_changed.emit()
        for build in builds:
            if build.is_final and build.id in active:
                self.build_ended.emit(build)

    def _ask(self) -> None:
        if self._rereading is not None:
            self._rereading.ask()

    def _on_event(self, event: BuildEvent) -> None:
        if event.type != "progress":
            self._ask()
            return
        progress, message = event.data.get("progress"), event.data.get("message")
        for index, build in enumerate(self.builds):
            is_newer = isinstance(progress, int) and progress >= build.progress
            if build.id == event.job_id and build.status is BuildStatus.BUILDING and is_newer:
                touched = msgspec.structs.replace(
                    build, progress=progress, progress_message=str(message or "")
                )
                self.builds[index] = touched
                self.build_touched.emit(touched)

    def _on_connection(self, state: ConnectionState) -> None:
        if state is ConnectionState.CONNECTED:
            self._ask()

    def _set_error(self, error: SlateError | None) -> None:
        self.error = error
        self.error_changed.emit(error)
