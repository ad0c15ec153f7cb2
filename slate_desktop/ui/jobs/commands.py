"""What the window does with assets: submit, cancel, retry, open, and follow the chosen project."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QFileDialog, QMenu

from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import ACTIVE_JOB_STATES, AssetJobStatus, AssetKind, kind_of
from slate_desktop.errors import EnvironmentFaultError, SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui import dialogs, outside
from slate_desktop.ui.jobs.batch_news import BatchNews

if TYPE_CHECKING:
    from slate_desktop.control.asset_states import AssetStates
    from slate_desktop.control.models_assets import AssetJobsModel
    from slate_desktop.domain.assets.job import AssetRow
    from slate_desktop.ui.jobs.preset_commands import PresetCommands
    from slate_desktop.ui.window import MainWindow


class JobCommands:
    """One per window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._model: AssetJobsModel | None = None
        self._states: AssetStates | None = None
        self._following = asyncio.Lock()
        self._is_look_wanted = self._is_looking = False
        self.news = BatchNews(window.workspace.notify)
        window.workspace.current_changed.connect(self._on_current)

    @functools.cached_property
    def presets(self) -> PresetCommands:
        """What the window does with presets; not before the pane or a project wants it."""
        from slate_desktop.ui.jobs.preset_commands import PresetCommands

        return PresetCommands(self._window)

    def slots(self) -> dict[str, Callable[..., Any]]:
        """Return what the registry's actions call."""
        window = self._window

        def spawn(work: Callable[[], Any], name: str) -> Callable[[], object]:
            return lambda: window.tasks.spawn(work(), name, window)

        return {
            "jobs.add": spawn(self.choose_files, "add assets"),
            "jobs.cancel": spawn(self.cancel, "cancel assets"),
            "jobs.retry": spawn(self.retry, "retry assets"),
            "jobs.retry_failed": spawn(self.retry_failed, "retry failed assets"),
            "jobs.open": self.open_result,
            "jobs.reveal": lambda: self._with_product(outside.reveal),
            "jobs.pause": spawn(self.toggle_pause, "pause assets"),
        }

    def connect(self) -> None:
        """Follow what is chosen in the window."""
        window, pane = self._window, self._window.jobs
        self.presets.connect()
        window.workspace.connected.connect(self.follow)
        pane.job_selected.connect(lambda _job: self.show_availability())
        pane.job_activated.connect(lambda _job: self.open_result())
        pane.menu_wanted.connect(self._show_menu)
        pane.file_wanted.connect(self._with_file)
        window.assets.scanned.connect(self.look_again)
        window.assets.process_wanted.connect(
            lambda paths: window.tasks.spawn(self.submit(paths), "submit assets", window)
        )
        self.show_availability()
        if window.workspace.slate is not None:
            self.follow()

    @property
    def model(self) -> AssetJobsModel | None:
        """The live jobs of the chosen project, None without a connection."""
        return self._model

    async def aclose(self) -> None:
        """Stop following."""
        async with self._following:
            await self._leave()

    def show_availability(self) -> None:
        """Switch the actions on and off."""
        registry, pane, tr = self._window.registry, self._window.jobs, self._window.tr
        model = self._model
        no_project = tr("Choose a project first; SLATE must be connected.")
        jobs = pane.selected
        none = tr("No job is chosen.")
        registry.set_enabled("jobs.add", model is not None, no_project)
        registry.set_enabled("jobs.pause", model is not None, no_project)
        self._window.assets.set_can_process(model is not None)
        none = none if model is not None else no_project
        is_active = any(job.status in ACTIVE_JOB_STATES for job in jobs)
        registry.set_enabled("jobs.cancel", model is not None and is_active, none)
        has_ended = any(job.is_final for job in jobs)
        registry.set_enabled("jobs.retry", model is not None and has_ended, none)
        has_failed = model is not None and any(
            job.status is AssetJobStatus.FAILED for job in model.jobs
        )
        registry.set_enabled("jobs.retry_failed", has_failed, tr("No job has failed."))
        has_product = _is_done(pane.job)
        why = tr("The chosen job has no result.")
        registry.set_enabled("jobs.open", has_product, why)
        registry.set_enabled("jobs.reveal", has_product, why)
        is_paused = model is not None and bool(model.paused)
        registry["jobs.pause"].setText(
            tr("Go on with the queue") if is_paused else tr("Pause the queue")
        )

    def takes(self, paths: Sequence[Path]) -> bool:
        """Tell whether a drop of these means assets: files that are some, or folders inside."""
        if self._model is None:
            return False
        root = self._root()
        return any(kind_of(path) is not None for path in paths if not path.is_dir()) or any(
            path.is_dir() and root is not None and path != root and path.is_relative_to(root)
            for path in paths
        )

    async def choose_files(self) -> None:
        """Let the user choose files, and submit them."""
        window = self._window
        dialog = QFileDialog(window, window.tr("Process assets"), str(self._root() or Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        if await dialogs.wait_for(dialog):
            await self.submit([Path(name) for name in dialog.selectedFiles()])

    async def submit(self, paths: Sequence[Path]) -> None:
        """Have files, and all assets of folders, processed.

        Options that were chosen for an asset itself win over those of the pane.
        """
        window = self._window
        if self._model is None or self._model.project_id != window.workspace.current_project_id:
            await self._follow()  # the project was chosen just now
        model, slate = self._model, window.workspace.slate
        if model is None or slate is None:
            window.show_error(SlateError(window.tr("Choose a project first.")))
            return
        from slate_desktop.ui.jobs.submission import submit

        await submit(window, slate, model.project_id, self._root() or Path(), paths)

    async def cancel(self) -> None:
        """End the chosen jobs."""
        await self._for_each(
            [job for job in self._window.jobs.selected if job.status in ACTIVE_JOB_STATES],
            lambda slate, job: slate.cancel_asset_job(job.id),
            self._window.tr("The job could not be cancelled."),
        )

    async def retry(self) -> None:
        """Submit the chosen assets again, as they are now."""
        await self._for_each(
            [job for job in self._window.jobs.selected if job.is_final],
            lambda slate, job: slate.retry_asset_job(job.id),
            self._window.tr("The asset could not be submitted again."),
        )

    async def retry_failed(self) -> None:
        """Submit again every asset whose newest job failed."""
        newest: dict[str, AssetJob] = {}
        for job in self._model.jobs if self._model is not None else ():
            newest.setdefault(job.path, job)
        await self._for_each(
            [job for job in newest.values() if job.status is AssetJobStatus.FAILED],
            lambda slate, job: slate.retry_asset_job(job.id),
            self._window.tr("The asset could not be submitted again."),
        )

    def open_result(self) -> None:
        """Show the chosen job's result in a tab; most systems have no program for it."""
        self._with_product(self._window.documents.open_path)

    async def toggle_pause(self) -> None:
        """Begin no more jobs of the project, or go on."""
        model, slate = self._model, self._window.workspace.slate
        if model is None or slate is None:
            return
        change = slate.resume_assets if model.paused else slate.pause_assets
        try:
            for kind in AssetKind:
                await change(model.project_id, kind)
        except SlateError as error:
            self._window.show_error(error, self._window.tr("The queue could not be changed."))

    def look_again(self) -> None:
        """Find out soon which assets are as they were processed."""
        self._is_look_wanted = True
        if not self._is_looking and self._model is not None:
            self._is_looking = True
            self._window.tasks.spawn(self._look(), "look at assets", self._window)

    def show_pane(self) -> None:
        """Bring the pane to the front."""
        dock = self._window.docks.docks["jobs"]
        dock.show()
        dock.raise_()

    # -- private ---------------------------------------------------------------------------

    def _root(self) -> Path | None:
        project = self._window.workspace.project
        return Path(project.root) if project is not None else None

    def follow(self) -> None:
        """Show the jobs of the chosen project; without a connection those that were last seen."""
        self._window.tasks.spawn(self._follow(), "follow assets", self._window)

    def _on_current(self) -> None:
        # With a connection the pane comes in its turn, and follows what is chosen then.
        window = self._window
        if window.late.has_jobs or window.workspace.slate is None:
            self.follow()

    async def _follow(self) -> None:
        """Follow the chosen project's jobs; the newest choice wins."""
        async with self._following:
            work = self._window.workspace
            project_id, slate = work.current_project_id, work.slate
            known = self._model.project_id if self._model is not None else None
            is_project = any(p.id == project_id for p in work.projects)
            if slate is None or project_id is None or not is_project:
                await self._leave()
                await self._show_kept(project_id)
                return
            if known == project_id:
                return
            await self._leave()
            from slate_desktop.control.asset_states import AssetStates
            from slate_desktop.control.models_assets import AssetJobsModel

            model = AssetJobsModel(slate, project_id)
            try:
                await model.open()
            except SlateError as error:
                await model.aclose()
                self._window.say(sentence(str(error)))
                return
            self._states = AssetStates(self._root() or Path(), has_tools=slate.is_beside_workers)
            self._model = model
            model.jobs_changed.connect(self._on_jobs)
            model.progress_changed.connect(self._window.jobs.note_progress)
            self._window.jobs.set_source(model)
            self._on_jobs()
            await self.presets.follow(slate, project_id, self._root() or Path())

    async def _show_kept(self, project_id: str | None) -> None:
        window, root = self._window, self._root()
        if project_id is None or root is None:
            return
        kept = await window.offline.asset_jobs(project_id)
        if kept is None or project_id != window.workspace.current_project_id:
            return
        from slate_desktop.control.asset_states import AssetStates

        window.jobs.set_source(kept)
        self.show_availability()
        rows, jobs = list(kept.assets.values()), list(kept.jobs)
        found = await asyncio.to_thread(AssetStates(root).look, rows, jobs)
        if self._model is None and project_id == window.workspace.current_project_id:
            window.projects.set_states(project_id, found)
            window.assets.set_states(found)

    async def _leave(self) -> None:
        if not self._window.late.has_jobs:
            return  # nothing was shown yet, and a pane is not made to show nothing
        model, self._model = self._model, None
        self._window.jobs.set_source(None)
        self._window.assets.set_states({})
        if model is not None:
            await model.aclose()
        self.show_availability()

    def _on_jobs(self) -> None:
        model = self._model
        if model is None:
            return
        self._window.jobs.refresh()
        self.news.look(model.jobs, is_cut=model.is_cut)
        if any(job.status is AssetJobStatus.COMPLETED for job in model.jobs):
            self._window.workspace.succeeded.emit("asset")
        self.look_again()
        self.show_availability()

    async def _look(self) -> None:
        try:
            while self._is_look_wanted and self._model is not None and self._states is not None:
                self._is_look_wanted = False
                model, states = self._model, self._states
                rows, jobs = list(model.assets.values()), list(model.jobs)
                found = await asyncio.to_thread(_look, states, self._root(), rows, jobs)
                if model is self._model:
                    self._window.projects.set_states(model.project_id, found)
                    self._window.assets.set_states(found)
        finally:
            self._is_looking = False

    async def _for_each(
        self, jobs: Iterable[AssetJob], work: Callable[[Any, AssetJob], Any], what: str
    ) -> None:
        slate = self._window.workspace.slate
        if slate is None:
            return
        for job in jobs:
            try:
                await work(slate, job)
            except SlateError as error:
                self._window.show_error(error, what)
                return

    def _with_product(self, act: Callable[[Path], object]) -> None:
        """Do something with the main product of the chosen job, where it lies."""
        job = self._window.jobs.job
        if not _is_done(job) or job is None:
            return
        products = (job.result or {}).get("products", [])
        primary = next((p for p in products if p.get("role") == "primary"), None)
        if primary is not None:
            self._with_product_file(job, primary["path"], act)

    def _with_file(self, what: str, name: str) -> None:
        """Do what the report asks with a product, or with a file that is missing."""
        job, root = self._window.jobs.job, self._root()
        if job is None or root is None:
            return
        if what == "missing":
            place = (root / job.path).parent / name
            here = next((p for p in (place, *place.parents) if p.exists()), root)
            try:
                outside.reveal(here)
            except SlateError as error:
                self._window.show_error(error, self._window.tr("The folder cannot be shown."))
        elif what == "reveal":
            self._with_product_file(job, name, outside.reveal)
        else:
            self._with_product_file(job, name, self._window.documents.open_path)

    def _with_product_file(self, job: AssetJob, name: str, act: Callable[[Path], object]) -> None:
        root, window = self._root(), self._window
        if root is None:
            return
        path = root / (job.out_dir or "") / name
        try:
            if not path.exists():
                raise EnvironmentFaultError(
                    window.tr("{path} is not there (yet).").format(path=path),
                    hint=window.tr("Retry the job to have it made again."),
                )
            act(path)
        except SlateError as error:
            window.show_error(error, window.tr("The result cannot be opened."))

    def _show_menu(self, _job: AssetJob, position: QPoint) -> None:
        menu = QMenu(self._window)
        for name in ("open", "reveal", "", "cancel", "retry"):
            if name:
                menu.addAction(self._window.registry[f"jobs.{name}"])
            else:
                menu.addSeparator()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(position)


def _look(
    states: AssetStates, root: Path | None, rows: list[AssetRow], jobs: list[AssetJob]
) -> Mapping[str, str]:
    """Return the states of assets, with the options that were chosen for them; blocks."""
    from slate_desktop.control.asset_choices import AssetChoices

    choices = AssetChoices(root or Path())
    try:
        choices.load()
    except SlateError:  # whoever submits is told
        return states.look(rows, jobs)
    return states.look(rows, jobs, choices.chosen)


def _is_done(job: AssetJob | None) -> bool:
    return job is not None and job.status is AssetJobStatus.COMPLETED
