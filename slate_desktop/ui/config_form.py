"""The container configuration as a form: what a runtime will be started with.

Owns turning fields into a configuration and back. The rules are those of ``domain.container``, the
same that the agent applies; what they refuse is said beside the field.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.container import (
    ContainerConfig,
    container_config_to_json,
    parse_container_config,
)
from slate_desktop.domain.hosts import Host
from slate_desktop.errors import CommandError
from slate_desktop.translation import sentence
from slate_desktop.ui.host_box import HostBox
from slate_desktop.ui.row_editor import RowEditor
from slate_desktop.ui.text import plain_label, set_invalid, wrapped_label
from slate_desktop.ui.theme import Theme

_CHECK_DELAY_MS = 120
_LABEL_WIDTH = 112


class ConfigForm(QWidget):
    """The form. ``changed`` comes after every check, ``problems`` maps fields to sentences."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._base: dict[str, Any] = {}
        self._hidden: dict[str, Any] = {}
        self._is_filling = False
        self.problems: dict[str, str] = {}
        self._errors: dict[str, QLabel] = {}
        self._widgets: dict[str, list[QWidget]] = {}
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(_CHECK_DELAY_MS)
        self._delay.timeout.connect(self.check)
        self._make_fields()
        self._lay_out()
        self._connect()

    # -- values ----------------------------------------------------------------------------

    def set_config(self, config: ContainerConfig, *, base: ContainerConfig | None = None) -> None:
        """Show a configuration; changes are counted from ``base``, or from it."""
        data = container_config_to_json(config)
        self._base = container_config_to_json(base) if base is not None else data
        self._hidden = {key: data[key] for key in ("digest",) if key in data}
        self._is_filling = True
        self.driver.setCurrentIndex(max(0, self.driver.findData(data.get("driver"))))
        self.image.setText(data.get("image") or "")
        self.tag.setText(data.get("tag") or "")
        self.command.setText(shlex.join(data.get("command") or []))
        self.memory.setText(str(data.get("memory") or ""))
        cpus = data.get("cpus")
        self.cpus.setText("" if cpus is None else f"{cpus:g}")
        self.bandwidth.setText(str(data.get("bandwidth") or ""))
        self.gpu.setChecked(bool(data.get("gpu")))
        self.gpu_optional.setChecked(bool(data.get("gpuOptional")))
        self.network.setCurrentIndex(max(0, self.network.findData(data.get("networkMode"))))
        self.pull.setChecked(bool(data.get("pull")))
        self.grace.setText(f"{data.get('stopGrace', 10.0):g}")
        ports = data.get("ports") or {}
        self.ports.set_values([(str(inner), str(outer), False) for inner, outer in ports.items()])
        self.env.set_values([(k, v, False) for k, v in (data.get("env") or {}).items()])
        self.volumes.set_values(
            [(m["host"], m["container"], bool(m.get("readOnly"))) for m in data.get("volumes", [])]
        )
        self._is_filling = False
        self.check()

    def data(self) -> dict[str, Any]:
        """Return what the fields say, with the wire's names, unchecked."""
        data: dict[str, Any] = dict(self._hidden)
        data["driver"] = self.driver.currentData()
        data["image"] = self.image.text().strip() or None
        if data["image"]:
            data["tag"] = self.tag.text().strip() or "latest"
        data["command"] = _split(self.command.text())
        if self.memory.text().strip():
            data["memory"] = self.memory.text().strip()
        if self.cpus.text().strip():
            data["cpus"] = _number(self.cpus.text())
        if self.bandwidth.text().strip() and data["driver"] != "process":
            data["bandwidth"] = self.bandwidth.text().strip()
        data["gpu"] = self.gpu.isChecked()
        data["gpuOptional"] = self.gpu_optional.isChecked()
        data["networkMode"] = self.network.currentData()
        data["ports"] = {inner: _port(outer) for inner, outer, _ in self.ports.values}
        data["env"] = {name: value for name, value, _ in self.env.values}
        data["volumes"] = [
            {"host": host, "container": target.strip(), "readOnly": is_ro}
            for host, target, is_ro in self.volumes.values
        ]
        data["pull"] = self.pull.isChecked()
        data["stopGrace"] = _number(self.grace.text())
        return {key: value for key, value in data.items() if value is not None}

    def config(self) -> ContainerConfig:
        """Return the checked configuration.

        Raises:
            CommandError: a field is wrong; ``check`` has said which.
        """
        return parse_container_config(self.data())

    @property
    def is_valid(self) -> bool:
        """Whether it can be started with."""
        return not self.problems

    def changes(self) -> dict[str, Any]:
        """Return the fields that differ from the base, as a start request takes them."""
        if not self.is_valid:
            return {}
        now = container_config_to_json(self.config())
        return {key: value for key, value in now.items() if self._base.get(key) != value}

    def removed(self) -> set[str]:
        """Return the fields that the base has and this has not, such as a limit taken away."""
        if not self.is_valid:
            return set()
        now = container_config_to_json(self.config())
        gone = set(self._base) - set(now)
        # Variables are joined name by name, so one that is taken away needs the whole.
        if set(self._base.get("env", {})) - set(now.get("env", {})):
            gone.add("env")
        return gone

    def request(self) -> ContainerConfig | None:
        """Return what a start is asked with, None for what it would start with anyway."""
        return self.config() if self.is_changed else None

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from the base."""
        return bool(self.changes() or self.removed())

    def set_read_only(self, is_on: bool) -> None:
        """Let the configuration be looked at only, as while the session is live."""
        for field in self._lines():
            field.setReadOnly(is_on)
        for widget in (
            self.host,
            self.driver,
            self.gpu,
            self.gpu_optional,
            self.network,
            self.pull,
        ):
            widget.setEnabled(not is_on)
        for editor in (self.ports, self.env, self.volumes):
            editor.set_read_only(is_on)

    def set_hosts(self, hosts: Sequence[Host], chosen: str | None) -> None:
        """Let the host be chosen where there are several; it is no part of the configuration."""
        self.host.set_hosts(hosts, chosen)
        self._show_host()

    def check(self) -> None:
        """Look at every field by itself, then at all together, and say what is wrong."""
        data, problems = self.data(), {}
        for key, value in data.items():
            alone = {key: value}
            if key == "digest":
                continue
            try:
                parse_container_config(alone)
            except CommandError as error:
                problems[key] = sentence(str(error))
        for key, editor in (("env", self.env), ("ports", self.ports)):
            names = [name for name, _value, _flag in editor.values]
            if len(set(names)) < len(names):
                problems.setdefault(key, self.tr("A name stands here twice."))
        if not problems:
            try:
                parse_container_config(data)
            except CommandError as error:
                problems[(error.field or "image").partition(".")[0]] = sentence(str(error))
        self.problems = problems
        self._show_problems()
        self._show_driver()
        self.changed.emit()

    # -- private ---------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.host = HostBox()
        self.driver = QComboBox()
        for text, value in (
            (self.tr("Chosen by the host"), None),
            (self.tr("Docker container"), "docker"),
            (self.tr("Local process"), "process"),
        ):
            self.driver.addItem(text, value)
        self.image = self._line(self.tr("Image"), "registry/name")
        self.tag = self._line(self.tr("Tag"), "latest")
        self.command = self._line(self.tr("Command"), self.tr("The image's own"))
        self.command.setFont(self._theme.mono_font())
        self.memory = self._line(self.tr("Memory"), self.tr("No limit"))
        self.cpus = self._line(self.tr("CPUs"), self.tr("No limit"))
        self.bandwidth = self._line(self.tr("Bandwidth"), self.tr("No limit"))
        self.bandwidth.setToolTip(
            self.tr("What it may send, and receive, in a second, such as 20mbit")
        )
        self.grace = self._line(self.tr("Seconds to stop"), "10")
        self.gpu = QCheckBox(self.tr("GPU"))
        self.gpu_optional = QCheckBox(self.tr("Start without one if there is none"))
        self.pull = QCheckBox(self.tr("Pull the image before the start"))
        self.network = QComboBox()
        self.network.addItem(self.tr("Bridge: a network of its own"), "bridge")
        self.network.addItem(self.tr("Internet: a network of its own with a way out"), "internet")
        self.network.addItem(self.tr("None: no network"), "none")
        self.ports = RowEditor(
            self._theme,
            (self.tr("Container port"), self.tr("Host port, or auto")),
            "→",
            self.tr("Add port"),
        )
        self.env = RowEditor(
            self._theme, (self.tr("Name"), self.tr("Value")), "=", self.tr("Add variable")
        )
        self.volumes = RowEditor(
            self._theme,
            (self.tr("Directory in the project"), self.tr("Path in the container")),
            "→",
            self.tr("Add mount"),
            self.tr("read-only"),
        )
        for box, name in ((self.driver, self.tr("Driver")), (self.network, self.tr("Network"))):
            box.setAccessibleName(name)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(12)
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def _lay_out(self) -> None:
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(5)
        self._grid.setColumnMinimumWidth(0, _LABEL_WIDTH)
        self._grid.setColumnStretch(1, 1)
        self._row("host", self.tr("Host"), self.host)
        self._show_host()
        self._row("driver", self.tr("Driver"), self.driver)
        image = _side_by_side((self.image, 4), (plain_label(":", role="faint"), 0), (self.tag, 1))
        self._row("image", self.tr("Image"), image, also=("tag", "digest"))
        self._row("pull", "", self.pull)
        self._row("command", self.tr("Command"), self.command)
        cpus = plain_label(self.tr("CPUs"), role="muted")
        limits = _side_by_side((self.memory, 1), (cpus, 0), (self.cpus, 1))
        self._row("memory", self.tr("Memory"), limits, also=("cpus",))
        self._row(
            "gpu", self.tr("Graphics"), _side_by_side((self.gpu, 0), (self.gpu_optional, 1), gap=18)
        )
        self._row("networkMode", self.tr("Network"), self.network)
        self._row("bandwidth", self.tr("Bandwidth"), self.bandwidth)
        self._row("ports", self.tr("Ports"), self.ports)
        self._row("volumes", self.tr("Mounts"), self.volumes)
        self._row("env", self.tr("Environment"), self.env)
        seconds = plain_label(self.tr("seconds, then it is killed"), role="faint")
        self.grace.setMaximumWidth(70)
        self._row(
            "stopGrace", self.tr("Time to stop"), _side_by_side((self.grace, 0), (seconds, 1))
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._grid)

    def _lines(self) -> tuple[QLineEdit, ...]:
        limits = (self.memory, self.cpus, self.bandwidth, self.grace)
        return (self.image, self.tag, self.command, *limits)

    def _row(self, key: str, text: str, editor: QWidget, also: tuple[str, ...] = ()) -> None:
        row = self._grid.rowCount()
        label = plain_label(text, role="muted")
        label.setMinimumHeight(26)
        label.setBuddy(editor)
        self._grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(editor, row, 1)
        error = wrapped_label(role="error")
        error.hide()
        self._grid.addWidget(error, row + 1, 1)
        for name in (key, *also):
            self._errors[name] = error
        self._widgets[key] = [label, editor]

    def _connect(self) -> None:
        for field in self._lines():
            field.textChanged.connect(self._on_edited)
        for box in (self.driver, self.network):
            box.currentIndexChanged.connect(self._on_edited)
        for switch in (self.gpu, self.gpu_optional, self.pull):
            switch.toggled.connect(self._on_edited)
        for editor in (self.ports, self.env, self.volumes):
            editor.changed.connect(self._on_edited)

    def _on_edited(self, *_: object) -> None:
        if not self._is_filling:
            self._delay.start()

    def _show_problems(self) -> None:
        fields = {
            "image": self.image,
            "tag": self.tag,
            "command": self.command,
            "memory": self.memory,
            "cpus": self.cpus,
            "bandwidth": self.bandwidth,
            "stopGrace": self.grace,
        }
        for key, field in fields.items():
            set_invalid(field, self.problems.get(key, ""))
        texts: dict[int, list[str]] = {}
        for key, text in self.problems.items():
            label = self._errors.get(key, self._errors["image"])
            texts.setdefault(id(label), []).append(text)
        for label in self._errors.values():
            found = texts.get(id(label), [])
            label.setText("\n".join(found))
            label.setVisible(bool(found))

    def _show_host(self) -> None:
        for widget in self._widgets["host"]:
            widget.setVisible(self.host.is_needed)

    def _show_driver(self) -> None:
        """Hide what a local process has not: an image and ports of its own."""
        is_process = self.driver.currentData() == "process"
        for key in ("image", "pull", "ports", "volumes", "networkMode", "bandwidth"):
            for widget in self._widgets[key]:
                widget.setVisible(not is_process)
        self.gpu_optional.setEnabled(self.gpu.isChecked() and self.gpu.isEnabled())

    def _line(self, name: str, placeholder: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(name)
        field.setPlaceholderText(placeholder)
        return field


def _side_by_side(*parts: tuple[QWidget, int], gap: int = 8) -> QWidget:
    widget = QWidget()
    layout = QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(gap)
    for part, stretch in parts:
        layout.addWidget(part, stretch)
    return widget


def _split(text: str) -> list[str] | None:
    if not text.strip():
        return None
    try:
        return shlex.split(text)
    except ValueError:
        # An open quotation mark: the words as they stand.
        return text.split()


def _number(text: str) -> Any:
    text = text.strip()
    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError):
        return float(text.replace(",", "."))
    return text


def _port(text: str) -> Any:
    text = text.strip()
    return int(text) if text.isdigit() else (text or "auto")
