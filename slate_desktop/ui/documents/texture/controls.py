"""The switches above a texture: channels, ground, mip, exposure, tiles, normals, zoom."""

from __future__ import annotations

import math
from collections.abc import Iterator

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.pipeline.preview.shading import Channel, Look
from slate_desktop.ui.documents.texture.ground import GROUNDS
from slate_desktop.ui.documents.texture.view import TextureView
from slate_desktop.ui.documents.tools import chip, tool
from slate_desktop.ui.text import plain_label
from slate_desktop.ui.theme import Theme

_STEPS_PER_STOP = 4
_MAX_STOPS = 10
_KEYS = {
    Qt.Key.Key_C: Channel.RGBA,
    Qt.Key.Key_R: Channel.RED,
    Qt.Key.Key_G: Channel.GREEN,
    Qt.Key.Key_B: Channel.BLUE,
    Qt.Key.Key_A: Channel.ALPHA,
    Qt.Key.Key_L: Channel.LUMINANCE,
}


class TextureControls(QWidget):
    """Two rows of switches that steer one view; there once :meth:`make` has ended."""

    compare_wanted = Signal(bool)

    def __init__(self, theme: Theme, view: TextureView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._view = theme, view
        self.setObjectName("paneBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def make(self) -> Iterator[None]:
        """Make the switches, some in each step."""
        self.channels = QButtonGroup(self)
        self.channels.setExclusive(True)
        self.channel_buttons: dict[Channel, QToolButton] = {}
        for channel, text, tip in (
            (Channel.RGBA, "RGBA", self.tr("Colour with alpha (C)")),
            (Channel.RGB, "RGB", self.tr("Colour without alpha")),
            (Channel.RED, "R", self.tr("Red alone (R)")),
            (Channel.GREEN, "G", self.tr("Green alone (G)")),
            (Channel.BLUE, "B", self.tr("Blue alone (B)")),
            (Channel.ALPHA, "A", self.tr("Alpha alone (A)")),
            (Channel.LUMINANCE, "L", self.tr("Luminance (L)")),
        ):
            button = chip(text, tip)
            self.channels.addButton(button)
            self.channel_buttons[channel] = button
        self.channel_buttons[Channel.RGBA].setChecked(True)
        yield
        self.ground = QComboBox()
        self.ground.setAccessibleName(self.tr("Behind transparent texels"))
        for name, words in zip(
            GROUNDS,
            (self.tr("Checker"), self.tr("Black"), self.tr("Grey"), self.tr("White")),
            strict=True,
        ):
            self.ground.addItem(words, name)
        # Squeezed it would cut its words.
        self.ground.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.tiled = chip(self.tr("Tiles"), self.tr("Repeat the texture, to see its seams (T)"))
        self.normals = chip(self.tr("Normals"), self.tr("Light it as a normal map (N)"))
        self.green = chip(self.tr("Y−"), self.tr("Green points down (DirectX)"))
        self.compare = chip(self.tr("Compare"), self.tr("Compare with what the options make"))
        yield
        self.mip = self._slider(self.tr("Mip level; far left chooses by zoom ([ and ])"))
        self.mip_label = plain_label(role="faint")
        self.exposure = self._slider(self.tr("Exposure in stops; double click resets"))
        self.exposure.setRange(-_MAX_STOPS * _STEPS_PER_STOP, _MAX_STOPS * _STEPS_PER_STOP)
        self.exposure_label = plain_label(role="faint")
        self.zoom_label = plain_label(role="faint")
        self.fit = tool(self._theme, "scan", self.tr("Show all of it (0)"))
        self.actual = chip("1:1", self.tr("One texel is one pixel (1)"))
        self.actual.setCheckable(False)
        self.mip.setRange(-1, 0)
        self.mip.setValue(-1)
        self._connect()
        yield
        self._lay_out()
        self._apply()

    def set_levels(self, count: int) -> None:
        """Tell how many levels there are."""
        self.mip.setRange(-1, count - 1)
        self._apply()

    def take_key(self, event: QKeyEvent) -> bool:
        """Do what a key stands for; false where it stands for nothing."""
        key = Qt.Key(event.key())
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        if key in _KEYS:
            self.channel_buttons[_KEYS[key]].click()
        elif key == Qt.Key.Key_T:
            self.tiled.toggle()
        elif key == Qt.Key.Key_N:
            self.normals.toggle()
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            step = 1 if key == Qt.Key.Key_BracketRight else -1
            self.mip.setValue(self.mip.value() + step)
        else:
            return False
        return True

    @property
    def look(self) -> Look:
        """What the switches say."""
        channel = next(c for c, b in self.channel_buttons.items() if b.isChecked())
        return Look(
            channel=channel,
            exposure=self.exposure.value() / _STEPS_PER_STOP,
            is_normal_map=self.normals.isChecked(),
            is_green_down=self.green.isChecked(),
        )

    def _connect(self) -> None:
        view = self._view
        self.channels.buttonToggled.connect(lambda _button, is_on: self._apply() if is_on else None)
        self.ground.currentIndexChanged.connect(
            lambda _index: view.set_ground(self.ground.currentData())
        )
        self.tiled.toggled.connect(view.set_tiled)
        for box in (self.normals, self.green):
            box.toggled.connect(lambda _on: self._apply())
        self.compare.toggled.connect(self.compare_wanted)
        self.mip.valueChanged.connect(lambda _value: self._on_mip())
        self.exposure.valueChanged.connect(lambda _value: self._apply())
        self.fit.clicked.connect(self._on_fit)
        self.actual.clicked.connect(lambda: view.set_zoom(1.0))
        view.zoom_changed.connect(self._on_zoom)

    def _apply(self) -> None:
        stops = self.exposure.value() / _STEPS_PER_STOP
        self.exposure_label.setText(f"{stops:+.2f} EV" if stops else "0 EV")
        self.green.setEnabled(self.normals.isChecked())
        self._view.set_look(self.look)
        self._show_mip()

    def _on_mip(self) -> None:
        self._view.set_mip(self.mip.value() if self.mip.value() >= 0 else None)
        self._show_mip()

    def _show_mip(self) -> None:
        levels, value = self._view.levels, self.mip.value()
        if value < 0 or levels is None or value >= len(levels.arrays):
            self.mip_label.setText(self.tr("auto"))
            return
        height, width = levels.arrays[value].shape[:2]
        self.mip_label.setText(f"{value}: {width} × {height}")

    def _on_fit(self) -> None:
        self._view.fit()
        self._view.refresh()

    def _on_zoom(self, zoom: float) -> None:
        percent = zoom * 100
        digits = 0 if percent >= 10 else 1 - math.floor(math.log10(percent))
        self.zoom_label.setText(f"{percent:.{digits}f} %")

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(4)
        for button in self.channel_buttons.values():
            first.addWidget(button)
        first.addSpacing(8)
        for widget in (self.tiled, self.normals, self.green):
            first.addWidget(widget)
        first.addStretch(1)
        first.addWidget(self.compare)
        for words, slider, label in (
            (self.tr("Mip"), self.mip, self.mip_label),
            (self.tr("Exposure"), self.exposure, self.exposure_label),
        ):
            second.addWidget(plain_label(words, role="muted"))
            second.addWidget(slider)
            second.addSpacing(4)
            label.setMinimumWidth(84)
            second.addWidget(label)
        second.addWidget(self.ground)
        second.addStretch(1)
        second.addWidget(self.zoom_label)
        second.addWidget(self.fit)
        second.addWidget(self.actual)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 5, 8, 5)
        column.setSpacing(4)
        column.addLayout(first)
        column.addLayout(second)

    def _slider(self, tip: str) -> QSlider:
        slider = ResetSlider(Qt.Orientation.Horizontal)
        slider.setToolTip(tip)
        slider.setAccessibleName(tip)
        slider.setFixedWidth(96)
        return slider


class ResetSlider(QSlider):
    """A slider that goes to 0, or to its end next to 0, at a double click."""

    def mouseDoubleClickEvent(self, event: object) -> None:
        """Go back."""
        self.setValue(min(max(0, self.minimum()), self.maximum()) if self.minimum() != -1 else -1)
