"""The Build pane: what is built, for what, how; checked while it is written."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.build import BuildJob, TargetPlatform
from slate_desktop.domain.builds.commands import BuildPlan, preview
from slate_desktop.domain.builds.matrix import Availability
from slate_desktop.domain.builds.presets import BuildPreset
from slate_desktop.domain.project import Project
from slate_desktop.errors import CommandError
from slate_desktop.translation import sentence
from slate_desktop.ui.actions import ActionRegistry
from slate_desktop.ui.builds.form import BuildForm
from slate_desktop.ui.builds.platforms import PlatformGrid
from slate_desktop.ui.builds.presets import PRESET_SPACING, PresetBar
from slate_desktop.ui.flow import FlowLayout
from slate_desktop.ui.text import (
    ElidedLabel,
    explain,
    plain_label,
    set_primary,
    wrapped_label,
)
from slate_desktop.ui.theme import Theme


class BuildPanel(QWidget):
    """The pane. ``changed`` when something was written; the owner checks it and tells."""

    changed = Signal()

    def __init__(self, theme: Theme, actions: ActionRegistry) -> None:
        super().__init__()
        self._theme = theme
        start = actions["build.start"]
        self.title = ElidedLabel()
        self.presets = PresetBar([actions["build.keep_preset"], actions["build.remove_preset"]])
        self.platforms = PlatformGrid()
        self.platforms.chosen.connect(lambda _platform: self.changed.emit())
        self.form = BuildForm(theme)
        self.form.changed.connect(self.changed)
        self.problem = wrapped_label(role="error")
        self.problem.hide()
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setAccessibleName(self.tr("Commands that are run"))
        self.command.setMaximumHeight(120)
        explain(self.command, self.tr("What the worker would run, with the form as it is now."))
        self.start = QPushButton(self.tr("Build", "start it"))
        set_primary(self.start)
        explain(self.start, self.tr("Puts this build into the queue."))
        self.start.clicked.connect(start.trigger)
        start.changed.connect(lambda: self.start.setEnabled(start.isEnabled()))
        self.start.setEnabled(start.isEnabled())
        # Stands in the title bar of the dock, so that it shows wherever the form is scrolled to.
        self.bar = QWidget()
        head = FlowLayout(self.bar, spacing=8)
        head.setContentsMargins(12, 1, 8, 1)
        head.addWidget(self.title)
        head.addWidget(self.start)
        self._lay_out()
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def show_project(self, project: Project | None) -> None:
        """Say what would be built."""
        self.title.setText("" if project is None else project.name)

    def show_targets(self, targets: Mapping[TargetPlatform, Availability]) -> None:
        """Show which platforms can be built."""
        self.platforms.set_targets(targets)

    def show_plan(self, plan: BuildPlan | None, error: CommandError | None) -> None:
        """Show the commands, or what is wrong beside the field that it is about."""
        self.form.mark(error)
        is_target = error is not None and error.field == "target_platform"
        text = "" if error is None or is_target else sentence(str(error))
        if error is not None and error.hint and text:
            text = f"{text} {sentence(error.hint)}"
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        if error is not None:
            self.command.setPlainText("")
        elif plan is None:
            self.command.setPlainText(self.tr("Only the worker sees the project's folder."))
        else:
            lines = [shlex.join(words) for words in preview(plan)]
            self.command.setPlainText(
                "\n".join([*lines, *(f"# {sentence(note)}" for note in plan.notes)])
            )

    def fill(self, wish: BuildJob | BuildPreset) -> None:
        """Show what a build was asked for, or a preset holds, to build it or to change it."""
        self.platforms.select(wish.target_platform)
        self.form.fill(wish)

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setObjectName("pane")
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(12, 10, 12, 12)
        layout.setSpacing(10)
        layout.addWidget(self.presets)
        layout.addWidget(self.platforms)
        layout.addWidget(self.form)
        layout.addWidget(self.problem)
        layout.addWidget(plain_label(self.tr("Commands"), role="muted"))
        layout.addWidget(self.command)
        layout.addStretch(1)
        area = QScrollArea()
        # What is in it takes the focus, and is then scrolled to.
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidgetResizable(True)
        area.setWidget(inner)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)

    def showEvent(self, event: QShowEvent) -> None:
        """Measure the labels: their look came after they were made."""
        super().showEvent(event)
        self._align()

    def _align(self) -> None:
        """Let the list of presets begin where the fields below it do."""
        self.presets.label.setMinimumWidth(self.form.fields_left - PRESET_SPACING)

    def _on_theme_changed(self) -> None:
        self.title.setFont(self._theme.ui_font(is_bold=True))
        self._align()
        self.command.setFont(self._theme.mono_font())
