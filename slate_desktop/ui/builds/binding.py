"""Shows builds in their panes, and has done what the panes and actions ask."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtWidgets import QApplication, QMenu

from slate_desktop.control.build_console import BuildLogModel
from slate_desktop.control.models_build_list import BuildListModel
from slate_desktop.control.notices import NoticeLevel
from slate_desktop.domain.build import BuildJob, BuildStatus
from slate_desktop.domain.builds.eta import about
from slate_desktop.errors import CommandError, SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui import dialogs
from slate_desktop.ui.builds import words
from slate_desktop.ui.builds.artifact_commands import ArtifactCommands
from slate_desktop.ui.builds.comparison import ComparisonDialog
from slate_desktop.ui.builds.pane import ACTIONS
from slate_desktop.ui.builds.panel_binding import PanelBinding
from slate_desktop.ui.documents.text_document import TextDocument

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.ui.window import MainWindow

_LOOK_MS = 2000


class BuildBinding:
    """One per window; ``open`` once it is connected, ``aclose`` before the connection goes."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._model: BuildListModel | None = None
        self._is_read = False
        self._kept: list[BuildJob] = []
        self._logs: dict[str, BuildLogModel] = {}
        self.panel = PanelBinding(window)
        self._artifacts = ArtifactCommands(window)
        # What a waiting build waits for, and what is left of a running one, changes by itself.
        self._look = QTimer(window)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._on_look)
        window.builds.chosen.connect(lambda _build: self._on_chosen())
        window.builds.menu_wanted.connect(self._on_menu)
        window.builds.tabs.currentChanged.connect(self._on_tab)
        window.builds.result.place_wanted.connect(self._on_place)
        window.builds.result.artifact_wanted.connect(self._on_artifact)
        window.builds.moved.connect(self._on_moved)
        window.workspace.connected.connect(self.open)
        self.panel.show_availability()
        self.show_availability()
        if window.workspace.slate is not None:
            self.open()

    # -- life ------------------------------------------------------------------------------

    def open(self) -> None:
        """Go live."""
        self._window.tasks.spawn(self._open(), "builds", self._window)

    async def aclose(self) -> None:
        """Stop following."""
        self._look.stop()
        self.panel.stop()
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
            self._is_read = True
        except SlateError as error:
            self._window.show_error(error, self._window.tr("The builds could not be read."))
        self._on_builds()
        self.panel.show_project()
        self._look.start()

    @property
    def is_live(self) -> bool:
        """Whether the builds were read from the database."""
        return self._is_read

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

    def show_availability(self) -> None:
        """Switch the actions of the list on and off, each with its reason."""
        window = self._window
        chosen = window.builds.selected
        registry = window.registry
        no_link = ""
        if window.workspace.slate is None:
            no_link = window.tr("SLATE is not connected yet.")
        none = window.tr("Choose a build first.")
        has_one = bool(chosen)
        registry.set_enabled("build.log", has_one, none)
        registry.set_enabled("build.change", has_one, none)
        can_cancel = any(not build.is_final for build in chosen)
        why = no_link or window.tr("Nothing to cancel here.")
        registry.set_enabled("build.cancel", not no_link and can_cancel, why)
        self._show_moves(chosen[0] if chosen else None, no_link)
        has_ended = has_one and chosen[0].is_final
        why = no_link or window.tr("It has not ended yet.")
        registry.set_enabled("build.retry", not no_link and has_ended, why)
        two = no_link or window.tr("Choose two builds with Ctrl to compare them.")
        registry.set_enabled("build.compare", not no_link and len(chosen) == 2, two)

    def _show_moves(self, build: BuildJob | None, no_link: str) -> None:
        registry, tr = self._window.registry, self._window.tr
        place = self._window.builds.model.places.get(build.id) if build is not None else None
        position, of = (place.position, place.of) if place is not None else (0, 0)
        why = tr("Only a waiting build moves.") if place is None else tr("It stands there already.")
        why = no_link or why
        registry.set_enabled("build.first", not no_link and position > 1, why)
        registry.set_enabled("build.earlier", not no_link and position > 1, why)
        registry.set_enabled("build.later", not no_link and 0 < position < of, why)

    # -- actions ---------------------------------------------------------------------------

    async def start(self) -> None:
        """Have built what the panel says."""
        job = await self.panel.start()
        if job is not None:
            window = self._window
            window.docks.docks["builds"].show()
            window.docks.docks["builds"].raise_()
            await self._show_new(job)

    async def keep_preset(self) -> None:
        """Keep what the panel says under a name."""
        await self.panel.keep_preset()

    async def remove_preset(self) -> None:
        """Remove the chosen preset."""
        await self.panel.remove_preset()

    async def cancel(self) -> None:
        """End the chosen builds."""
        for build in self._window.builds.selected:
            if not build.is_final:
                await self._slate().cancel_build(build.id)

    async def first(self) -> None:
        """Move the chosen build to the front of the queue."""
        await self._move([self._chosen().id], None, is_after=False)

    async def earlier(self) -> None:
        """Move the chosen build before the one in front of it."""
        await self._step(-1)

    async def later(self) -> None:
        """Move the chosen build behind the one after it."""
        await self._step(1)

    async def retry(self) -> None:
        """Build the chosen one again."""
        await self._show_new(await self._slate().retry_build(self._chosen().id))

    async def change(self) -> None:
        """Fill the panel with what the chosen build was asked for."""
        window, build = self._window, self._chosen()
        window.workspace.choose_project(build.project_id)
        window.docks.docks["build"].show()
        window.docks.docks["build"].raise_()
        window.build_panel.fill(build)

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
        if build.status is BuildStatus.COMPLETED:
            window.workspace.succeeded.emit("build")
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
            window.say(sentence(str(error)))
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
        targets = await slate.get_build_statistics_by(project_id)
        window.builds.make_plots().show_figures(whole, days, targets)

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
        work = self._artifacts.do(build, what, path)
        self._window.tasks.spawn(work, f"artifact {what}", self._window)

    def _on_moved(self, ids: list[str], other_id: str, is_after: bool) -> None:
        work = self._report(self._move(ids, other_id, is_after=is_after))
        self._window.tasks.spawn(work, "move build", self._window)

    async def _report(self, work: Awaitable[None]) -> None:
        try:
            await work
        except SlateError as error:
            self._window.show_error(error, self._window.tr("The build could not be moved."))

    async def _move(self, ids: list[str], other_id: str | None, *, is_after: bool) -> None:
        """Put builds beside another one, in their order."""
        for build_id in reversed(ids) if is_after else ids:
            await self._slate().move_build(build_id, other_id=other_id, is_after=is_after)
        if self._model is not None:
            await self._model.refresh()

    async def _step(self, direction: int) -> None:
        """Move the chosen build past its neighbour in the queue of its platform."""
        model = self._window.builds.model
        chosen = self._chosen()
        queue = [
            build.id
            for build in model.builds
            if build.id in model.places and build.target_platform is chosen.target_platform
        ]
        if chosen.id not in queue:
            return
        index = queue.index(chosen.id) + direction
        if 0 <= index < len(queue):
            await self._move([chosen.id], queue[index], is_after=direction > 0)

    # -- small -----------------------------------------------------------------------------

    async def show_build(self, build_id: str) -> bool:
        """Choose a build in its pane; False where it is not among those that are listed."""
        await self._open()
        if self._model is not None:
            await self._model.refresh()
        window = self._window
        if window.builds.model.row_of(build_id) < 0:
            return False
        window.docks.docks["builds"].show()
        window.docks.docks["builds"].raise_()
        window.builds.select(build_id)
        return True

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
