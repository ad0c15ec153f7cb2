"""Checks what the Build pane says, has it built, and keeps it as a preset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from slate_desktop.domain.build import BuildJob
from slate_desktop.domain.builds.presets import make_preset
from slate_desktop.errors import CommandError, SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui import dialogs
from slate_desktop.ui.builds.presets import PresetDialog

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow

_CHECK_MS = 250


class PanelBinding:
    """One per window; ``stop`` before the connection goes."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._problem: CommandError | None = None
        self._check = QTimer(window)
        self._check.setSingleShot(True)
        self._check.setInterval(_CHECK_MS)
        self._check.timeout.connect(self._ask_check)
        panel = window.build_panel
        panel.changed.connect(self._on_changed)
        panel.presets.chosen.connect(self._on_preset)
        window.workspace.current_changed.connect(self.show_project)
        self._shown: str | None = None

    def stop(self) -> None:
        """Check no more."""
        self._check.stop()

    def show_project(self) -> None:
        """Show the chosen project in the panel."""
        window, project = self._window, self._window.workspace.project
        window.build_panel.show_project(project)
        self._check.start()
        self.show_availability()
        project_id = project.id if project is not None else None
        if window.workspace.slate is not None and project_id != self._shown:
            self._shown = project_id
            window.build_panel.presets.set_presets([])
            window.tasks.spawn(self.read_presets(), "build presets", window)

    def show_availability(self) -> None:
        """Switch the actions on and off, each with its reason."""
        window = self._window
        panel, registry = window.build_panel, window.registry
        why = ""
        if window.workspace.slate is None:
            why = window.tr("SLATE is not connected yet.")
        elif window.workspace.project is None:
            why = window.tr("Choose a project first.")
        unkept = why or ("" if self._problem is None else str(self._problem))
        registry.set_enabled("build.keep_preset", not unkept, unkept)
        has_preset = panel.presets.preset is not None
        registry.set_enabled(
            "build.remove_preset", has_preset, window.tr("Choose a preset in the Build pane first.")
        )
        if not why and not panel.platforms.is_available:
            why = panel.platforms.reason.text()
        why = why or unkept
        registry.set_enabled("build.start", not why, why)

    async def start(self) -> BuildJob | None:
        """Have the chosen project built; returns the new build."""
        window, slate = self._window, self._window.workspace.slate
        project, panel = window.workspace.project, window.build_panel
        if project is None or slate is None:
            return None
        return await slate.submit_build(
            project.id,
            panel.form.kind,
            panel.platforms.platform,
            source_commit=panel.form.source_commit,
            options=panel.form.options(),
        )

    async def keep_preset(self) -> None:
        """Keep what the panel says under a name."""
        window, slate = self._window, self._window.workspace.slate
        project, panel = window.workspace.project, window.build_panel
        if project is None or slate is None:
            return
        options = panel.form.options()
        chosen = panel.presets.preset
        dialog = PresetDialog(window, panel.presets.names, chosen.name if chosen else "")
        if not await dialogs.wait_for(dialog):
            return
        # The button said that a known name is replaced.
        is_known = dialog.name in panel.presets.names
        preset = await slate.save_build_preset(
            project.id,
            dialog.name,
            panel.form.kind,
            panel.platforms.platform,
            source_commit=panel.form.source_commit,
            options=options,
            can_replace=is_known,
        )
        await self.read_presets(preset.name)
        window.say(window.tr("{name} is kept.").format(name=preset.name))

    async def remove_preset(self) -> None:
        """Remove the chosen preset, after a question."""
        window, slate = self._window, self._window.workspace.slate
        project, preset = window.workspace.project, window.build_panel.presets.preset
        if project is None or slate is None or preset is None:
            return
        is_sure = await dialogs.ask(
            window,
            window.theme,
            title=window.tr("Remove preset"),
            text=window.tr("Remove the preset {name} of {project}?").format(
                name=preset.name, project=project.name
            ),
            action=window.tr("Remove"),
            is_danger=True,
        )
        if is_sure:
            await slate.delete_build_preset(project.id, preset.name)
            await self.read_presets()

    async def read_presets(self, chosen: str | None = None) -> None:
        """Show the presets of the chosen project; ``chosen`` becomes the chosen one."""
        window, slate = self._window, self._window.workspace.slate
        project = window.workspace.project
        if slate is None or project is None:
            return
        try:
            presets = await slate.list_build_presets(project.id)
        except SlateError as error:
            # They are read again with the next choice of the project.
            self._shown = None
            window.say(sentence(str(error)))
            return
        if window.workspace.project is not None and window.workspace.project.id == project.id:
            window.build_panel.presets.set_presets(presets, chosen)
            self._compare_preset()
            self.show_availability()

    def _on_preset(self, _name: str) -> None:
        preset = self._window.build_panel.presets.preset
        if preset is not None:
            self._window.build_panel.fill(preset)
        self.show_availability()

    def _on_changed(self) -> None:
        self._check.start()
        self._compare_preset()

    def _compare_preset(self) -> None:
        panel = self._window.build_panel
        preset = panel.presets.preset
        if preset is None:
            return
        try:
            written = make_preset(
                preset.name,
                panel.form.kind,
                panel.platforms.platform,
                source_commit=panel.form.source_commit,
                options=panel.form.options(),
            )
        except CommandError:
            panel.presets.set_changed(True)
        else:
            panel.presets.set_changed(written != preset)

    def _ask_check(self) -> None:
        self._window.tasks.spawn(self.check_now(), "check build", self._window)

    async def check_now(self) -> None:
        """Find out what can be built of the chosen project as the panel says."""
        window, slate = self._window, self._window.workspace.slate
        project = window.workspace.project
        if slate is None or project is None:
            return
        panel = window.build_panel
        plan, problem = None, None
        try:
            panel.show_targets(await slate.build_targets(project.id, panel.form.kind))
            plan = await slate.plan_build(
                project.id,
                panel.form.kind,
                panel.platforms.platform,
                options=panel.form.options(),
            )
        except CommandError as error:
            problem = error
        except SlateError as error:
            window.say(sentence(str(error)))
        if window.workspace.project is not project:
            # The project was changed meanwhile; its own check comes.
            return
        self._problem = problem
        panel.show_plan(plan, problem)
        self.show_availability()
