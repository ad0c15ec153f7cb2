"""The Build pane: what is built, for what, how; checked while it is written."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.build import BuildJob, BuildType, TargetPlatform
from slate_desktop.domain.builds.commands import BuildPlan, preview
from slate_desktop.domain.builds.matrix import Availability
from slate_desktop.domain.project import Project
from slate_desktop.errors import CommandError
from slate_desktop.ui.builds.platforms import PlatformGrid
from slate_desktop.ui.row_editor import RowEditor
from slate_desktop.ui.text import plain_label, set_invalid, wrapped_label
from slate_desktop.ui.theme import Theme

_TYPES = (BuildType.DEVELOPMENT, BuildType.STAGING, BuildType.PRODUCTION)


class BuildPanel(QWidget):
    """The form. ``changed`` when something was written; the owner checks it and tells."""

    changed = Signal()

    def __init__(self, theme: Theme, start: QAction) -> None:
        super().__init__()
        self._theme = theme
        self.title = plain_label()
        self.platforms = PlatformGrid()
        self.platforms.chosen.connect(self._on_changed)
        self.build_type = _combo(
            self.tr("Build type"),
            [
                (self.tr("Development"), _TYPES[0].value),
                (self.tr("Staging"), _TYPES[1].value),
                (self.tr("Production"), _TYPES[2].value),
            ],
        )
        self.clean = QCheckBox(self.tr("Clean: start without the cache"))
        self.driver = _combo(
            self.tr("Driver"),
            [
                (self.tr("Automatic"), ""),
                (self.tr("Container"), "docker"),
                (self.tr("Local process"), "process"),
            ],
        )
        self.optimization = _choice(self.tr("Optimisation"), "none", "basic", "full")
        self.compression = _choice(self.tr("Compression"), "none", "gzip", "brotli", "lz4")
        self.jobs = _line(self.tr("Parallel jobs"), self.tr("the tool decides"))
        self.commit = _line(self.tr("Commit"), self.tr("the files as they are"))
        self.preset = _line(self.tr("Preset or method"), self.tr("the first that fits"))
        self.version = _line(self.tr("Engine version"), self.tr("as the project says"))
        self.arguments = _line(self.tr("Arguments"), self.tr("none"))
        self.env = RowEditor(
            theme, (self.tr("Name"), self.tr("Value")), "=", self.tr("Add a variable")
        )
        self.problem = wrapped_label(role="error")
        self.problem.hide()
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setAccessibleName(self.tr("Commands that are run"))
        self.command.setMaximumHeight(120)
        self.start = QPushButton(self.tr("Build"))
        self.start.setProperty("primary", True)
        self.start.clicked.connect(start.trigger)
        start.changed.connect(lambda: self.start.setEnabled(start.isEnabled()))
        self.start.setEnabled(start.isEnabled())
        self._fields: dict[str, QWidget] = {
            "parallel_jobs": self.jobs,
            "source_commit": self.commit,
            "preset": self.preset,
            "engine_version": self.version,
            "custom_arguments": self.arguments,
            "env": self.env,
        }
        self._lay_out()
        self._connect()
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    @property
    def kind(self) -> BuildType:
        """The chosen build type."""
        return BuildType(self.build_type.currentData())

    @property
    def source_commit(self) -> str | None:
        """The commit that is written, None for the files as they are."""
        return self.commit.text().strip() or None

    def options(self) -> dict[str, Any]:
        """Return the options as they are written.

        Raises:
            CommandError: ``bad_request`` for a number or arguments that cannot be read.
        """
        found: dict[str, Any] = {"clean": self.clean.isChecked() or None}
        for name, combo in (
            ("optimization", self.optimization),
            ("compression_format", self.compression),
            ("driver", self.driver),
        ):
            found[name] = combo.currentData() or None
        for name, line in (("preset", self.preset), ("engine_version", self.version)):
            found[name] = line.text().strip() or None
        jobs = self.jobs.text().strip()
        if jobs and not jobs.isdecimal():
            raise CommandError(
                "bad_request", self.tr("Parallel jobs must be a number"), field="parallel_jobs"
            )
        found["parallel_jobs"] = int(jobs) if jobs else None
        try:
            found["custom_arguments"] = shlex.split(self.arguments.text()) or None
        except ValueError as exc:
            raise CommandError("bad_request", str(exc), field="custom_arguments") from exc
        found["environment"] = {name: value for name, value, _ in self.env.values} or None
        return {name: value for name, value in found.items() if value is not None}

    def show_project(self, project: Project | None) -> None:
        """Say what would be built."""
        self.title.setText("" if project is None else project.name)

    def show_targets(self, targets: Mapping[TargetPlatform, Availability]) -> None:
        """Show which platforms can be built."""
        self.platforms.set_targets(targets)

    def show_plan(self, plan: BuildPlan | None, error: CommandError | None) -> None:
        """Show the commands, or what is wrong beside the field that it is about."""
        for name, field in self._fields.items():
            wrong = error is not None and error.field in (name, _alias(name))
            set_invalid(field, str(error) if wrong and error is not None else "")
        is_target = error is not None and error.field == "target_platform"
        text = "" if error is None or is_target else str(error)
        if error is not None and error.hint and text:
            text = f"{text} {error.hint}"
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        if error is not None:
            self.command.setPlainText("")
        elif plan is None:
            self.command.setPlainText(self.tr("Only the worker sees the project's folder."))
        else:
            lines = [shlex.join(words) for words in preview(plan)]
            self.command.setPlainText("\n".join([*lines, *(f"# {note}" for note in plan.notes)]))

    def take(self, build: BuildJob) -> None:
        """Fill the form with what a build was asked for, to build it with changes."""
        options = build.options
        self.platforms.select(build.target_platform)
        self.build_type.setCurrentIndex(self.build_type.findData(build.build_type.value))
        self.clean.setChecked(bool(options.get("clean")))
        for combo, name in (
            (self.optimization, "optimization"),
            (self.compression, "compression_format"),
            (self.driver, "driver"),
        ):
            combo.setCurrentIndex(max(0, combo.findData(options.get(name) or "")))
        self.jobs.setText(str(options.get("parallel_jobs") or ""))
        self.commit.setText(build.source_commit or "")
        self.preset.setText(options.get("preset") or "")
        self.version.setText(options.get("engine_version") or "")
        self.arguments.setText(shlex.join(options.get("custom_arguments") or []))
        env = options.get("environment") or {}
        self.env.set_values([(name, value, False) for name, value in env.items()])
        self.changed.emit()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(7)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for text, field in (
            (self.tr("Type"), self.build_type),
            (self.tr("Driver"), self.driver),
            ("", self.clean),
            (self.tr("Optimisation"), self.optimization),
            (self.tr("Compression"), self.compression),
            (self.tr("Parallel jobs"), self.jobs),
            (self.tr("Preset"), self.preset),
            (self.tr("Commit"), self.commit),
            (self.tr("Engine version"), self.version),
            (self.tr("Arguments"), self.arguments),
            (self.tr("Variables"), self.env),
        ):
            form.addRow(plain_label(text, role="muted"), field)
        inner = QWidget()
        inner.setObjectName("pane")
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(12, 10, 12, 12)
        layout.setSpacing(10)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.start)
        layout.addLayout(head)
        layout.addWidget(self.platforms)
        layout.addLayout(form)
        layout.addWidget(self.problem)
        layout.addWidget(plain_label(self.tr("Commands"), role="muted"))
        layout.addWidget(self.command)
        layout.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inner)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)

    def _connect(self) -> None:
        for combo in (self.build_type, self.driver, self.optimization, self.compression):
            combo.currentIndexChanged.connect(self._on_changed)
        for line in (self.jobs, self.commit, self.preset, self.version, self.arguments):
            line.textChanged.connect(self._on_changed)
        self.clean.toggled.connect(self._on_changed)
        self.env.changed.connect(self._on_changed)

    def _on_changed(self, *_: object) -> None:
        self.changed.emit()

    def _on_theme_changed(self) -> None:
        self.title.setFont(self._theme.ui_font(scale=1.1, is_bold=True))
        self.command.setFont(self._theme.mono_font())


def _alias(name: str) -> str:
    return {"parallel_jobs": "parallelJobs", "env": "environment"}.get(name, name)


def _line(name: str, placeholder: str) -> QLineEdit:
    line = QLineEdit()
    line.setAccessibleName(name)
    line.setPlaceholderText(placeholder)
    line.setMinimumWidth(60)
    return line


def _combo(name: str, items: list[tuple[str, str]]) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(6)
    combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    for text, value in items:
        combo.addItem(text, value)
    return combo


def _choice(name: str, *values: str) -> QComboBox:
    return _combo(name, [("–", ""), *((value, value) for value in values)])
