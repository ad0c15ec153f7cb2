"""How a project is built: type, driver and options, each in a field of its own."""

from __future__ import annotations

import shlex
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLineEdit,
    QSizePolicy,
    QWidget,
)

from slate_desktop.domain.build import BuildJob, BuildType
from slate_desktop.domain.builds.options import DEFAULT_TIME_LIMIT_S
from slate_desktop.domain.builds.presets import BuildPreset
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.translation import sentence
from slate_desktop.ui.row_editor import RowEditor
from slate_desktop.ui.text import explain, format_duration, plain_label, set_invalid
from slate_desktop.ui.theme import Theme


class BuildForm(QWidget):
    """The fields; says ``changed`` when one was written."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.build_type = _combo(
            self.tr("Build type"),
            [
                (self.tr("Development"), BuildType.DEVELOPMENT.value),
                (self.tr("Staging"), BuildType.STAGING.value),
                (self.tr("Production"), BuildType.PRODUCTION.value),
            ],
        )
        self.driver = _combo(
            self.tr("Driver"),
            [
                (self.tr("Automatic"), ""),
                (self.tr("Container"), "docker"),
                (self.tr("Local process"), "process"),
            ],
        )
        self.clean = QCheckBox(self.tr("Clean: start without the cache"))
        automatic = self.tr("Automatic")
        self.optimization = _choice(self.tr("Optimisation"), automatic, "none", "basic", "full")
        self.compression = _choice(
            self.tr("Compression"), automatic, "none", "gzip", "brotli", "lz4"
        )
        self.jobs = _line(self.tr("Parallel jobs"), self.tr("The tool decides"))
        self.commit = _line(self.tr("Commit"), self.tr("The files as they are"))
        self.export_preset = _line(
            self.tr("Export preset or method"), self.tr("The first that fits")
        )
        self.version = _line(self.tr("Engine version"), self.tr("As the project says"))
        self.arguments = _line(self.tr("Arguments"), self.tr("None", "arguments"))
        self.priority = _line(self.tr("Priority"), self.tr("0; higher is earlier"))
        self.time_limit = _line(
            self.tr("Time limit in seconds"),
            f"{DEFAULT_TIME_LIMIT_S} ({format_duration(DEFAULT_TIME_LIMIT_S)})",
        )
        self.env = RowEditor(
            theme, (self.tr("Name"), self.tr("Value")), "=", self.tr("Add a variable")
        )
        self._choices = {
            "optimization": self.optimization,
            "compression_format": self.compression,
            "driver": self.driver,
        }
        self._texts = {"preset": self.export_preset, "engine_version": self.version}
        self._numbers = {
            "parallel_jobs": self.jobs,
            "priority": self.priority,
            "time_limit_s": self.time_limit,
        }
        self._fields: dict[str, QWidget] = {
            **self._numbers,
            **self._texts,
            "source_commit": self.commit,
            "custom_arguments": self.arguments,
            "environment": self.env,
        }
        self._lay_out()
        self._explain()
        self._connect()

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
        for name, combo in self._choices.items():
            found[name] = combo.currentData() or None
        for name, line in self._texts.items():
            found[name] = line.text().strip() or None
        for name, line in self._numbers.items():
            found[name] = self._number(name, line)
        try:
            found["custom_arguments"] = shlex.split(self.arguments.text()) or None
        except ValueError as exc:
            raise CommandError(ErrorCode.BAD_REQUEST, str(exc), field="custom_arguments") from exc
        found["environment"] = {name: value for name, value, _ in self.env.values} or None
        return {name: value for name, value in found.items() if value is not None}

    def fill(self, wish: BuildJob | BuildPreset) -> None:
        """Show what a build was asked for, or a preset holds."""
        options = wish.options
        self.blockSignals(True)
        self.build_type.setCurrentIndex(self.build_type.findData(wish.build_type.value))
        self.clean.setChecked(bool(options.get("clean")))
        for name, combo in self._choices.items():
            combo.setCurrentIndex(max(0, combo.findData(options.get(name) or "")))
        for name, line in (self._texts | self._numbers).items():
            line.setText(str(options.get(name) or ""))
        self.commit.setText(wish.source_commit or "")
        self.arguments.setText(shlex.join(options.get("custom_arguments") or []))
        env = options.get("environment") or {}
        self.env.set_values([(name, value, False) for name, value in env.items()])
        self.blockSignals(False)
        self.changed.emit()

    def mark(self, error: CommandError | None) -> None:
        """Mark the field that an error is about, and no other."""
        for name, field in self._fields.items():
            names = (name, {"parallel_jobs": "parallelJobs", "environment": "env"}.get(name))
            is_wrong = error is not None and error.field in names
            set_invalid(field, sentence(str(error)) if is_wrong else "")

    def _number(self, name: str, line: QLineEdit) -> int | None:
        text = line.text().strip()
        if not text:
            return None
        try:
            return int(text)
        except ValueError as exc:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                self.tr("{field} must be a whole number").format(field=line.accessibleName()),
                field=name,
            ) from exc

    @property
    def fields_left(self) -> int:
        """Where the fields begin, in logical pixels: behind the widest label."""
        labels = [
            item.sizeHint().width()
            for row in range(self._form.rowCount())
            if (item := self._form.itemAt(row, QFormLayout.ItemRole.LabelRole)) is not None
        ]
        return max(labels) + self._form.horizontalSpacing()

    def _lay_out(self) -> None:
        form = self._form = QFormLayout(self)
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
            (self.tr("Export preset"), self.export_preset),
            (self.tr("Commit"), self.commit),
            (self.tr("Engine version"), self.version),
            (self.tr("Arguments"), self.arguments),
            (self.tr("Priority"), self.priority),
            (self.tr("Time limit, s"), self.time_limit),
            (self.tr("Variables"), self.env),
        ):
            form.addRow(plain_label(text, role="muted"), field)

    def _explain(self) -> None:
        for field, words in (
            (
                self.build_type,
                self.tr("What the engine is asked for: with debug parts, or for players."),
            ),
            (self.driver, self.tr("Where the build runs; automatic leaves it to the worker.")),
            (self.clean, self.tr("Builds in an empty folder. Slower, but nothing old is in it.")),
            (
                self.optimization,
                self.tr("How much is optimised; automatic leaves it to the build type."),
            ),
            (
                self.compression,
                self.tr("How the product is packed; automatic leaves it to the engine."),
            ),
            (self.jobs, self.tr("How many jobs the build tool runs at once, 1 to 256.")),
            (self.commit, self.tr("Builds this Git commit, 7 to 40 digits, and not your files.")),
            (
                self.export_preset,
                self.tr("The export preset (Godot), or the static method (Unity) that builds."),
            ),
            (self.version, self.tr("Another engine version than the one that the project names.")),
            (self.arguments, self.tr("Further words of the engine's command, as in a shell.")),
            (self.priority, self.tr("-100 to 100. Of builds that wait, the highest begins first.")),
            (self.time_limit, self.tr("The build is ended when it takes longer than this.")),
            (self.env, self.tr("Variables that the programs of the build see.")),
        ):
            explain(field, words)
        explain(self.env.add_button, self.tr("Adds a row for a variable's name and value."))

    def _connect(self) -> None:
        for combo in (self.build_type, *self._choices.values()):
            combo.currentIndexChanged.connect(self._on_changed)
        for line in (*self._texts.values(), *self._numbers.values(), self.commit, self.arguments):
            line.textChanged.connect(self._on_changed)
        self.clean.toggled.connect(self._on_changed)
        self.env.changed.connect(self._on_changed)

    def _on_changed(self, *_: object) -> None:
        self.changed.emit()


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


def _choice(name: str, automatic: str, *values: str) -> QComboBox:
    return _combo(name, [(automatic, ""), *((value, value) for value in values)])
