"""Shows builds in their panes, and has done what the panes and actions ask."""

from __future__ import annotations

import asyncio
import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu

from slate_desktop.control.build_console import BuildLogModel
from slate_desktop.control.models_build_list import BuildListModel
from slate_desktop.control.notices import NoticeLevel
from slate_desktop.domain.build import BuildJob, BuildStatus
from slate_desktop.domain.builds.eta import about
from slate_desktop.domain.ids import check_id
from slate_desktop.errors import CommandError, EnvironmentFaultError, SlateError
from slate_desktop.ui import dialogs, outside
from slate_desktop.ui.builds import words
from slate_desktop.ui.builds.comparison import ComparisonDialog
from slate_desktop.ui.builds.pane import ACTIONS
from slate_desktop.ui.documents.text_document import TextDocument

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.ui.window import MainWindow

_CHECK_MS = 250
_LOOK_MS = 2000


class BuildBinding:
    """One per window; ``open`` once it is connected, ``aclose`` before the connection goes."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._model: BuildListModel | None = None
        self._kept: list[BuildJob] = []
        self._logs: dict[str, BuildLogModel] = {}
        self._problem: CommandError | None = None
        self._check = QTimer(window)
        self._check.setSingleShot(True)
        self._check.setInterval(_CHECK_MS)
        self._check.timeout.connect(self._ask_check)
        # What a waiting build waits for, and what is left of a running one, changes by itself.
        self._look = QTimer(window)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._on_look)
        window.build_panel.changed.connect(self._check.start)
        window.builds.chosen.connect(lambda _build: self._on_chosen())
        window.builds.menu_wanted.connect(self._on_menu)
        window.builds.tabs.currentChanged.connect(self._on_tab)
        window.builds.result.place_wanted.connect(self._on_place)
        window.builds.result.artifact_wanted.connect(self._on_artifact)
        window.workspace.current_changed.connect(self.show_project)
        self.show_availability()

    # -- life ------------------------------------------------------------------------------

    def open(self) -> None:
        """Go live."""
        self._window.tasks.spawn(self._open(), "builds", self._window)

    async def aclose(self) -> None:
        """Stop following."""
        self._look.stop()
        self._check.stop()
        logs, self._logs = list(self._logs.values()), {}
        for log in logs:
            await log.aclose()
        model, self._model = self._model, None
        if model is not None:
            await model.aclose()

    async def _open(self) -> None:
        slate = self._window.workspace.slate
        if slate is None or self._model is not None:
            return
        model = BuildListModel(slate)
        model.builds_changed.connect(self._on_builds)
        model.build_touched.connect(self._on_touched)
        model.build_ended.connect(self._on_ended)
        self._model = model
        try:
            await model.open()
        except SlateError as error:
            self._window.show_error(error, self._window.tr("The builds could not be read."))
        self._on_builds()
        self.show_project()
        self._look.start()

    @property
    def builds(self) -> list[BuildJob]:
        """The builds, newest first; without a connection those that were last seen."""
        return self._model.builds if self._model is not None else self._kept

    @property
    def logs(self) -> dict[str, BuildLogModel]:
        """The logs that are followed, by their key in the console."""
        return self._logs

    def show_kept(self, builds: list[BuildJob]) -> None:
        """Show builds as they were last seen, until the database answers."""
        self._kept = builds
        self._on_builds()

    # -- the panel -------------------------------------------------------------------------

    def show_project(self) -> None:
        """Show the chosen project in the panel."""
        self._window.build_panel.show_project(self._window.workspace.project)
        self._check.start()
        self.show_availability()

    def show_availability(self) -> None:
        """Switch the actions on and off, each with its reason."""
        window = self._window
        chosen = window.builds.selected
        registry = window.registry
        why = ""
        if window.workspace.slate is None:
            why = window.tr("SLATE is not connected yet.")
        elif window.workspace.project is None:
            why = window.tr("Choose a project first.")
        elif not window.build_panel.platforms.is_available:
            why = window.build_panel.platforms.reason.text()
        elif self._problem is not None:
            why = str(self._problem)
        registry.set_enabled("build.start", not why, why)
        no_link = "" if window.workspace.slate is not None else why
        none = window.tr("Choose a build first.")
        has_one = bool(chosen)
        registry.set_enabled("build.log", has_one, none)
        registry.set_enabled("build.change", has_one, none)
        can_cancel = any(not build.is_final for build in chosen)
        why = no_link or window.tr("Nothing to cancel here.")
        registry.set_enabled("build.cancel", not no_link and can_cancel, why)
        is_waiting = has_one and chosen[0].status is BuildStatus.QUEUED
        why = no_link or window.tr("Only a queued build moves.")
        registry.set_enabled("build.first", not no_link and is_waiting, why)
        has_ended = has_one and chosen[0].is_final
        why = no_link or window.tr("It has not ended yet.")
        registry.set_enabled("build.retry", not no_link and has_ended, why)
        two = no_link or window.tr("Choose two builds with Ctrl to compare them.")
        registry.set_enabled("build.compare", not no_link and len(chosen) == 2, two)

    def _ask_check(self) -> None:
        self._window.tasks.spawn(self._check_panel(), "check build", self._window)

    async def _check_panel(self) -> None:
        window, slate = self._window, self._window.workspace.slate
        project = window.workspace.project
        if slate is None or project is None:
            return
        panel = window.build_panel
        plan, self._problem = None, None
        try:
            check_id(project.id, "project_id")
            panel.show_targets(await slate.build_targets(project.id, panel.kind))
            plan = await slate.plan_build(
                project.id, panel.kind, panel.platforms.platform, options=panel.options()
            )
        except CommandError as error:
            self._problem = error
        except SlateError as error:
            window.say(str(error))
        panel.show_plan(plan, self._problem)
        self.show_availability()

    # -- actions ---------------------------------------------------------------------------

    async def start(self) -> None:
        """Have the chosen project built."""
        window, slate = self._window, self._slate()
        project, panel = window.workspace.project, window.build_panel
        if project is None:
            return
        job = await slate.submit_build(
            project.id,
            panel.kind,
            panel.platforms.platform,
            source_commit=panel.source_commit,
            options=panel.options(),
        )
        window.docks.docks["builds"].show()
        window.docks.docks["builds"].raise_()
        await self._show_new(job)

    async def cancel(self) -> None:
        """End the chosen builds."""
        for build in self._window.builds.selected:
            if not build.is_final:
                await self._slate().cancel_build(build.id)

    async def first(self) -> None:
        """Move the chosen build to the front of the queue."""
        await self._slate().move_build(self._chosen().id)

    async def retry(self) -> None:
        """Build the chosen one again."""
        await self._show_new(await self._slate().retry_build(self._chosen().id))

    async def change(self) -> None:
        """Fill the panel with what the chosen build was asked for."""
        window, build = self._window, self._chosen()
        window.workspace.choose_project(build.project_id)
        window.docks.docks["build"].show()
        window.docks.docks["build"].raise_()
        window.build_panel.take(build)

    async def log(self) -> None:
        """Show the log of the chosen build in the console."""
        window, build = self._window, self._chosen()
        key = words.LOG_PREFIX + build.id
        if window.workspace.slate is None:
            title = words.title(build, self._name(build))
            if not await window.offline.open_log(key, title):
                window.say(window.tr("The log of this build was not read before."))
                return
        elif key not in self._logs:
            log = self._logs[key] = BuildLogModel(self._slate(), build)
            window.console.open_log(key, words.title(build, self._name(build)), log)
            await log.open()
        window.console.select(key)
        window.docks.docks["console"].show()
        window.docks.docks["console"].raise_()

    async def compare(self) -> None:
        """Show two builds side by side."""
        left, right = self._window.builds.selected[:2]
        if left.created_at > right.created_at:
            left, right = right, left
        found = await self._slate().compare_builds(left.id, right.id)
        dialog = ComparisonDialog(
            self._window, self._window.theme, found, left.id[:8], right.id[:8]
        )
        await dialogs.wait_for(dialog)

    def close_log(self, key: str) -> None:
        """Stop following the log of a closed tab."""
        log = self._logs.pop(key, None)
        if log is not None:
            self._window.tasks.spawn(log.aclose(), "close build log", self._window)

    # -- what the panes tell ---------------------------------------------------------------

    def _on_builds(self) -> None:
        window = self._window
        names = {project.id: project.name for project in window.workspace.projects}
        window.builds.set_builds(self.builds, names)
        self._on_chosen()

    def _on_touched(self, build: BuildJob) -> None:
        builds = self._window.builds
        builds.model.touch(build)
        if builds.selected and builds.selected[0].id == build.id:
            builds.result.follow(build)

    def _on_ended(self, build: BuildJob) -> None:
        window = self._window
        notices = window.workspace.notices
        if notices is None or build.status is BuildStatus.CANCELLED:
            return
        level = {"passed": NoticeLevel.SUCCESS, "suspect": NoticeLevel.WARNING}.get(
            build.verdict or "", NoticeLevel.ERROR
        )
        heading = window.tr("{build}: {state}").format(
            build=words.title(build, self._name(build)), state=words.state_words(build)
        )
        notices.add(level, heading, words.why_words(build))
        window.say(heading)
        if not window.isActiveWindow():
            QApplication.alert(window)

    def _on_chosen(self) -> None:
        self.show_availability()
        self._window.tasks.spawn(self._show_result(), "show build", self._window)

    async def _show_result(self) -> None:
        window, slate = self._window, self._window.workspace.slate
        chosen = window.builds.selected
        if not chosen:
            return
        build = chosen[0]
        if slate is None:
            window.builds.result.show_build(build, self._name(build), (), None, "")
            return
        try:
            artifacts = await slate.get_build_artifacts(build.id)
            waiting = await slate.explain_build(build.id)
            left_s = await slate.build_eta_s(build)
        except SlateError as error:
            window.say(str(error))
            return
        now = window.builds.selected
        if now and now[0].id == build.id:
            eta = "" if left_s is None else about(left_s)
            window.builds.result.show_build(now[0], self._name(build), artifacts, waiting, eta)

    def _on_look(self) -> None:
        chosen = self._window.builds.selected
        if chosen and not chosen[0].is_final and self._window.builds.isVisible():
            self._on_chosen()

    def _on_tab(self, index: int) -> None:
        if index == 1 and self._window.workspace.slate is not None:
            self._window.tasks.spawn(self._show_figures(), "build figures", self._window)

    async def _show_figures(self) -> None:
        window, slate = self._window, self._slate()
        project = window.workspace.project
        project_id = None if project is None else project.id
        whole = await slate.get_build_statistics(project_id)
        days = await slate.get_build_statistics_over_time(project_id)
        window.builds.make_plots().show_figures(whole, days)

    def _on_menu(self, position: QPoint) -> None:
        menu = QMenu(self._window)
        for action_id in ACTIONS:
            menu.addAction(self._window.registry[action_id])
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(position)

    def _on_place(self, file: str, line: int) -> None:
        window, build = self._window, self._chosen()
        project = window.workspace.find_project(build.project_id)
        if project is None:
            return
        path = Path(project.root) / file
        if not path.is_file():
            window.say(window.tr("{file} is not in the project's folder.").format(file=file))
            return
        document = window.documents.open_path(path)
        if isinstance(document, TextDocument):
            document.go_to_line(line)
        else:
            window.say(f"{file}:{line}")

    def _on_artifact(self, what: str, path: str) -> None:
        build = self._chosen()
        work = functools.partial(self._artifact, build, what, path)
        self._window.tasks.spawn(work(), f"artifact {what}", self._window)

    async def _artifact(self, build: BuildJob, what: str, path: str) -> None:
        window, slate = self._window, self._slate()
        artifacts = await slate.get_build_artifacts(build.id)
        chosen = next((item for item in artifacts if item.path == path), None)
        if chosen is None:
            return
        if what == "copy":
            QGuiApplication.clipboard().setText(chosen.sha256)
            window.say(window.tr("The hash is on the clipboard."))
            return
        if what == "download":
            folder = await dialogs.choose_directory(window, window.tr("Download into"))
            if folder is not None:
                files = await slate.download_artifacts(build.id, folder)
                window.say(window.tr("%n file(s) were brought.", "", len(files)))
            return
        # A run needs all files of the build beside the program.
        folder = Path(tempfile.gettempdir()) / "slate-artifacts" / build.id
        await slate.download_artifacts(build.id, folder)
        target = folder / path
        if what == "reveal":
            outside.reveal(target)
            return
        try:
            process = await asyncio.create_subprocess_exec(str(target), cwd=target.parent)
        except OSError as error:
            raise EnvironmentFaultError(
                f"{chosen.name} does not run on this machine: {error.strerror}.",
                hint="Download it to a machine of its platform.",
            ) from error
        window.say(
            window.tr("{name} runs (process {pid}).").format(name=chosen.name, pid=process.pid)
        )

    # -- small -----------------------------------------------------------------------------

    async def _show_new(self, job: BuildJob) -> None:
        if self._model is not None:
            await self._model.refresh()
        self._window.builds.select(job.id)
        self._window.say(self._window.tr("The build is queued."))

    def _chosen(self) -> BuildJob:
        return self._window.builds.selected[0]

    def _name(self, build: BuildJob) -> str:
        project = self._window.workspace.find_project(build.project_id)
        return project.name if project is not None else build.project_id[:8]

    def _slate(self) -> Slate:
        slate = self._window.workspace.slate
        if slate is None:
            raise CommandError("illegal_state", self._window.tr("SLATE is not connected yet."))
        return slate
