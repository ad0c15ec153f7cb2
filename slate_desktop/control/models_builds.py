"""The build jobs of a project, live."""

from __future__ import annotations

from slate_desktop.bus.port import ConnectionState
from slate_desktop.control.client import Slate
from slate_desktop.control.live import Lifetime, Rereading
from slate_desktop.control.signals import Signal
from slate_desktop.domain.build import ACTIVE_BUILD_STATES, BuildJob
from slate_desktop.errors import SlateError

_BUSY_S = 2.0


class BuildJobsModel:
    """The build jobs of a project.

    Attributes:
        jobs: newest first.
        active_job: the one that is building, else the newest queued one, else None.
        error: why the last reading failed, or None.
    """

    jobs_changed = Signal()
    active_job_changed = Signal(object)  # BuildJob | None
    error_changed = Signal(object)  # SlateError | None

    def __init__(self, slate: Slate, project_id: str) -> None:
        self.project_id = project_id
        self.jobs: list[BuildJob] = []
        self.active_job: BuildJob | None = None
        self.error: SlateError | None = None
        self._slate = slate
        self._life = Lifetime(f"builds.{project_id}")
        self._rereading: Rereading | None = None

    async def open(self) -> None:
        """Read the jobs and go live.

        Raises:
            SlateError: they cannot be read.
        """
        self._life.own(self._slate.on_builds_changed(self._on_builds_changed))
        self._life.own(self._slate.bus.on_state(self._on_connection))
        await self.refresh()
        self._rereading = Rereading(self._life, self.refresh, self._set_error, every_s=_BUSY_S)

    async def refresh(self) -> None:
        """Read the jobs again.

        Raises:
            SlateError: they cannot be read.
        """
        jobs = await self._slate.list_build_jobs(self.project_id, is_fresh=True)
        if jobs != self.jobs:
            self.jobs = jobs
            self.jobs_changed.emit()
        active = [job for job in jobs if job.status in ACTIVE_BUILD_STATES]
        active.sort(key=lambda job: job.started_at is None)
        newest = active[0] if active else None
        if newest != self.active_job:
            self.active_job = newest
            self.active_job_changed.emit(newest)

    async def aclose(self) -> None:
        """Stop following."""
        await self._life.aclose()

    def _on_builds_changed(self, project_id: str) -> None:
        if project_id == self.project_id and self._rereading is not None:
            self._rereading.ask()

    def _on_connection(self, state: ConnectionState) -> None:
        if state is ConnectionState.CONNECTED and self._rereading is not None:
            self._rereading.ask()

    def _set_error(self, error: SlateError | None) -> None:
        self.error = error
        self.error_changed.emit(error)
