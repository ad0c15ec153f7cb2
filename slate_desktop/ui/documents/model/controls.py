"""The switches above a model, and the bar of its animations below it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSlider, QToolButton, QVBoxLayout, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.documents.model.view import ModelView
from slate_desktop.ui.documents.tools import chip, tool
from slate_desktop.ui.text import ElidedLabel, clean, plain_label
from slate_desktop.ui.theme import Theme

_PLAY_MS = 33
_SCRUB_STEPS = 1000
_LIGHT_STEPS = 10


class ModelControls(QWidget):
    """How a model is drawn; its switches are there once :meth:`make` has ended."""

    uv_wanted = Signal(bool)
    facts_wanted = Signal(bool)
    lod_wanted = Signal(int)
    mode_wanted = Signal(str)

    def __init__(self, theme: Theme, view: ModelView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._view = theme, view
        self.setObjectName("paneBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def make(self) -> Iterator[None]:
        """Make the switches, some in each step."""
        self.mode = QComboBox()
        self.mode.setAccessibleName(self.tr("How it is drawn (W wireframe, N normals, U checker)"))
        for name, words in (
            ("shaded", self.tr("Shaded")),
            ("wireframe", self.tr("Wireframe")),
            ("normals", self.tr("Normals")),
            ("checker", self.tr("UV checker")),
            ("colours", self.tr("Vertex colours")),
            ("light", self.tr("Baked light")),
        ):
            self.mode.addItem(words, name)
        self.grid = chip(self.tr("Grid"), self.tr("Ground grid (G)"), is_on=True)
        self.bones = chip(self.tr("Bones"), self.tr("Show the skeleton (B)"))
        self.ambient = chip(self.tr("Sky"), self.tr("Light of an environment; slower"))
        self.uv = chip(self.tr("UVs"), self.tr("Show the UV layout"))
        self.facts = chip(self.tr("Facts"), self.tr("Show counts and warnings"), is_on=True)
        yield
        self.light = QSlider(Qt.Orientation.Horizontal)
        self.light.setRange(0, 12 * _LIGHT_STEPS)
        self.light.setValue(5 * _LIGHT_STEPS)
        self.light.setFixedWidth(80)
        self.light.setAccessibleName(self.tr("Light"))
        self.light.setToolTip(self.tr("Light"))
        self.lod = QSlider(Qt.Orientation.Horizontal)
        self.lod.setFixedWidth(80)
        self.lod.setRange(0, 0)
        self.lod.setAccessibleName(self.tr("Level of detail"))
        self.lod_title = plain_label(self.tr("LOD"), role="muted")
        self.lod_label = ElidedLabel(role="faint")
        yield
        self.make_lods = tool(
            self._theme, "layers", self.tr("Make levels of detail, to look at them")
        )
        self.frame = tool(self._theme, "scan", self.tr("Show all of it (F)"))
        self.views: dict[str, QToolButton] = {}
        for view_name, words, key in (
            ("front", self.tr("Front"), "1"),
            ("right", self.tr("Right"), "3"),
            ("top", self.tr("Top"), "7"),
        ):
            button = chip(words, f"{words} ({key})")
            button.setCheckable(False)
            self.views[view_name] = button
        self._connect()
        yield
        self._lay_out()
        # Not before: what is shown without a parent is a window, which closes an open menu.
        self.set_lods([])

    def set_lods(self, labels: list[str]) -> None:
        """Offer levels, each with its words."""
        self._lod_labels = labels
        self.lod.setRange(0, max(0, len(labels) - 1))
        has_lods = len(labels) > 1
        self.lod.setVisible(has_lods)
        self.make_lods.setVisible(not has_lods)
        self._show_lod()

    def set_mode(self, name: str) -> None:
        """Choose how it is drawn, as the user would."""
        self.mode.setCurrentIndex(self.mode.findData(name))

    def take_key(self, event: QKeyEvent) -> bool:
        """Do what a key stands for; false where it stands for nothing."""
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        key = event.key()
        modes = {Qt.Key.Key_W: "wireframe", Qt.Key.Key_N: "normals", Qt.Key.Key_U: "checker"}
        if key in modes:
            name = modes[Qt.Key(key)]
            is_on = self.mode.currentData() == name
            self.set_mode("shaded" if is_on else name)
        elif key == Qt.Key.Key_G:
            self.grid.toggle()
        elif key == Qt.Key.Key_B:
            self.bones.toggle()
        else:
            return False
        return True

    def _connect(self) -> None:
        view = self._view
        self.mode.currentIndexChanged.connect(
            lambda _index: self.mode_wanted.emit(self.mode.currentData())
        )
        for button in (self.grid, self.bones, self.ambient):
            button.toggled.connect(lambda _on: self._apply())
        self.light.valueChanged.connect(lambda _value: self._apply())
        self.uv.toggled.connect(self.uv_wanted)
        self.facts.toggled.connect(self.facts_wanted)
        self.lod.valueChanged.connect(self._on_lod)
        self.frame.clicked.connect(lambda: view.set_camera(view.camera.framed()))
        for name, button in self.views.items():
            button.clicked.connect(
                lambda _on=False, name=name: view.set_camera(view.camera.seen_from(name))
            )
        self._lod_labels: list[str] = []

    def _apply(self) -> None:
        shown = self._view.shown
        shown.grid, shown.bones = self.grid.isChecked(), self.bones.isChecked()
        shown.ambient = self.ambient.isChecked()
        shown.light = self.light.value() / _LIGHT_STEPS
        self._view.refresh()

    def _on_lod(self, level: int) -> None:
        self._show_lod()
        self.lod_wanted.emit(level)

    def _show_lod(self) -> None:
        level = self.lod.value()
        self.lod_label.setText(self._lod_labels[level] if level < len(self._lod_labels) else "")

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(4)
        for widget in (self.mode, self.grid, self.bones, self.ambient):
            first.addWidget(widget)
        first.addStretch(1)
        first.addWidget(self.uv)
        first.addWidget(self.facts)
        second.addWidget(plain_label(self.tr("Light"), role="muted"))
        second.addWidget(self.light)
        second.addSpacing(8)
        for widget in (self.lod_title, self.lod, self.make_lods):
            second.addWidget(widget)
        second.addWidget(self.lod_label, 1)
        for widget in (*self.views.values(), self.frame):
            second.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 5, 8, 5)
        column.setSpacing(4)
        column.addLayout(first)
        column.addLayout(second)


class AnimationBar(QWidget):
    """Choose, play and scrub; hidden where a model has no animation."""

    def __init__(self, theme: Theme, view: ModelView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._view = theme, view
        self.setObjectName("paneBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._ranges: list[tuple[float, float]] = []
        self._started = (0.0, 0.0)
        self.choice = QComboBox()
        self.choice.setAccessibleName(self.tr("Animation"))
        self.choice.currentIndexChanged.connect(lambda _index: self._on_choice())
        self.play = QToolButton()
        self.play.setCheckable(True)
        self.play.toggled.connect(self._on_play)
        self.scrub = QSlider(Qt.Orientation.Horizontal)
        self.scrub.setRange(0, _SCRUB_STEPS)
        self.scrub.setAccessibleName(self.tr("Time"))
        self.scrub.valueChanged.connect(lambda _value: self._on_scrub())
        self.label = plain_label(role="faint")
        self._timer = QTimer(self)
        self._timer.setInterval(_PLAY_MS)
        self._timer.timeout.connect(self._on_tick)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 10, 4)
        for widget in (self.play, self.choice):
            row.addWidget(widget)
        row.addWidget(self.scrub, 1)
        row.addWidget(self.label)
        theme.changed.connect(self._show_icon)
        self._show_icon()
        self.hide()

    def set_animations(self, names: list[str], ranges: list[list[float]]) -> None:
        """Offer these animations; ``ranges`` are first and last second of each."""
        self.play.setChecked(False)
        self._ranges = [(low, high) for low, high in ranges]
        self.choice.blockSignals(True)
        self.choice.clear()
        for number, name in enumerate(names):
            self.choice.addItem(clean(name) or self.tr("Animation {n}").format(n=number + 1))
        self.choice.blockSignals(False)
        self.setVisible(bool(names))
        self._view.shown.animation = 0 if names else -1
        self._on_choice()

    def stop(self) -> None:
        """Play no further."""
        self.play.setChecked(False)

    @property
    def time_s(self) -> float:
        """Where the animation is."""
        low, high = self._range
        return low + (high - low) * self.scrub.value() / _SCRUB_STEPS

    @property
    def _range(self) -> tuple[float, float]:
        index = self.choice.currentIndex()
        return self._ranges[index] if 0 <= index < len(self._ranges) else (0.0, 0.0)

    def _on_choice(self) -> None:
        self._view.shown.animation = self.choice.currentIndex()
        self.scrub.setValue(0)
        self._on_scrub()
        self._started = (time.monotonic(), self._range[0])

    def _on_scrub(self) -> None:
        low, high = self._range
        self.label.setText(f"{self.time_s:.2f} / {high:.2f} s")
        if not self._ranges:
            self._view.shown.time_s = None
            return
        self._view.shown.time_s = self.time_s
        self._view.refresh()
        del low

    def _on_play(self, is_on: bool) -> None:
        if is_on:
            self._started = (time.monotonic(), self.time_s)
            self._timer.start()
        else:
            self._timer.stop()
        self._show_icon()

    def _on_tick(self) -> None:
        low, high = self._range
        length = high - low
        if length <= 0:
            self.stop()
            return
        began, at = self._started
        place = (at - low + time.monotonic() - began) % length
        self._view.set_moving()
        self.scrub.setValue(round(place / length * _SCRUB_STEPS))

    def _show_icon(self) -> None:
        name = self.tr("Pause (Space)") if self.play.isChecked() else self.tr("Play (Space)")
        icon = "pause" if self.play.isChecked() else "play"
        self.play.setIcon(icons.icon(icon, self._theme.tokens))
        self.play.setToolTip(name)
        self.play.setAccessibleName(name)
