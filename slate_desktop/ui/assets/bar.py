"""The tools of the assets: kinds, text, state, order, size of pictures, and what can be done."""

from __future__ import annotations

from collections import Counter
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QSlider, QToolButton, QWidget

from slate_desktop.control.asset_index import AssetFilter, SortKey
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.translation import translate
from slate_desktop.ui import icons
from slate_desktop.ui.assets.grid import MAX_SIDE, MIN_SIDE
from slate_desktop.ui.flow import FlowLayout
from slate_desktop.ui.table_memory import table_from_json
from slate_desktop.ui.theme import Theme

_ASSETS = frozenset(kind.value for kind in AssetKind)
_KINDS = ("texture", "model", "audio", "font", "video", "unsupported")
STATES = ("processed", "stale", "failed", "unsupported", "own options")


class AssetBar(QWidget):
    """Says what is wanted; ``filter_changed`` tells that it is something else now."""

    filter_changed = Signal()

    def __init__(self, theme: Theme, side: int) -> None:
        super().__init__()
        self._theme, self._first_side = theme, side
        self._make(side)
        self._lay_out()
        self._connect()
        self._show_icons()

    @property
    def wanted(self) -> AssetFilter:
        """What is to be shown."""
        return AssetFilter(
            kinds=frozenset(kind for kind, chip in self.chips.items() if chip.isChecked()),
            text=self.field.text(),
            states=frozenset(filter(None, (self.state.currentData(),))),
        )

    @property
    def sort_key(self) -> SortKey:
        """In which order."""
        return SortKey(self.order.currentData())

    def show_counts(self, counts: Counter[str]) -> None:
        """Show how many assets there are of each kind."""
        for kind, chip in self.chips.items():
            chip.setText(f"{chip.property('words')}  {counts[kind]}")
            # One that is pressed says why nothing is shown, where there is nothing of its kind.
            chip.setVisible(bool(counts[kind]) or kind in _ASSETS or chip.isChecked())

    def to_json(self) -> dict[str, Any]:
        """Return what is wanted as JSON values, to be kept; nothing for what is as at first."""
        kept = {
            "kinds": [kind for kind, chip in self.chips.items() if chip.isChecked()],
            "text": self.field.text(),
            "state": self.state.currentData(),
            "order": self.order.currentData() if self.order.currentIndex() else "",
            "side": self.side.value() if self.side.value() != self._first_side else 0,
            "list": self.as_list.isChecked(),
        }
        return {name: value for name, value in kept.items() if value}

    def restore(self, kept: object) -> None:
        """Want what was kept; what is torn or unknown counts as not chosen."""
        if not isinstance(kept, dict):
            return
        kinds, side = kept.get("kinds"), kept.get("side")
        for kind in kinds if isinstance(kinds, list) else []:
            if isinstance(kind, str) and kind in self.chips:
                self.chips[kind].setChecked(True)
                self.chips[kind].show()
        self.field.setText(table_from_json(kept).text)
        for box, name in ((self.state, "state"), (self.order, "order")):
            value = kept.get(name)
            box.setCurrentIndex(max(0, box.findData(value)) if isinstance(value, str) else 0)
        if isinstance(side, int) and not isinstance(side, bool):
            self.side.setValue(min(max(side, MIN_SIDE), MAX_SIDE))
        self.as_list.setChecked(kept.get("list") is True)

    def show_process(self, *, can_process: bool, has_asset: bool) -> None:
        """Switch Process on or off, with the reason."""
        self.process.setEnabled(can_process and has_asset)
        if not can_process:
            tip = self.tr("Processing needs a project, and a connection to SLATE's services.")
        elif not has_asset:
            tip = self.tr("Select textures, models or sounds, to have them processed.")
        else:
            tip = self.tr("Have the selected assets processed with their options")
        self.process.setToolTip(tip)

    def _make(self, side: int) -> None:
        self.chips: dict[str, QToolButton] = {}
        for kind, words in zip(
            _KINDS,
            (
                self.tr("Textures"),
                self.tr("Models"),
                self.tr("Audio"),
                self.tr("Fonts"),
                self.tr("Videos"),
                self.tr("Unsupported"),
            ),
            strict=True,
        ):
            chip = QToolButton()
            chip.setObjectName("chip")
            chip.setCheckable(True)
            chip.setText(words)
            chip.setProperty("words", words)
            chip.setAccessibleName(self.tr("Show {kind} alone").format(kind=words))
            if kind not in _ASSETS:  # one that is told to show has no parent yet: a window
                chip.hide()
            self.chips[kind] = chip
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Filter by name or folder"))
        self.field.setAccessibleName(self.tr("Filter by name or folder"))
        self.field.setClearButtonEnabled(True)
        self.order = QComboBox()
        self.order.setAccessibleName(self.tr("Order"))
        for key, words in (
            (SortKey.NAME, self.tr("Name")),
            (SortKey.KIND, self.tr("Kind")),
            (SortKey.SIZE, self.tr("Size")),
            (SortKey.NEWEST, self.tr("Newest")),
            (SortKey.FOLDER, self.tr("Folder")),
        ):
            self.order.addItem(words, key.value)
        self.state = QComboBox()
        self.state.setAccessibleName(self.tr("State"))
        self.state.addItem(self.tr("Any state"), "")
        for state in STATES:
            words = _state_words(state)
            self.state.addItem(words[:1].upper() + words[1:], state)
        self.process = self._tool(self.tr("Process"))
        self.process.setText(f" {self.tr('Process')}")
        self.process.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.as_list = self._tool(self.tr("List instead of grid"), is_toggle=True)
        self.options = self._tool(self.tr("Options of the selected assets"), is_toggle=True)
        self.again = self._tool(self.tr("Look through the folder again"))
        self.side = QSlider(Qt.Orientation.Horizontal)
        self.side.setRange(MIN_SIDE, MAX_SIDE)
        self.side.setValue(side)
        self.side.setFixedWidth(70)
        self.side.setAccessibleName(self.tr("Size of the pictures"))
        self.side.setToolTip(self.tr("Size of the pictures (Ctrl and wheel)"))

    def _connect(self) -> None:
        for chip in self.chips.values():
            chip.toggled.connect(lambda _on: self.filter_changed.emit())
        self.field.textChanged.connect(lambda _text: self.filter_changed.emit())
        for box in (self.order, self.state):
            box.currentIndexChanged.connect(lambda _index: self.filter_changed.emit())
        self._theme.changed.connect(self._show_icons)

    def _lay_out(self) -> None:
        row = FlowLayout(self, spacing=5)
        row.setContentsMargins(10, 2, 8, 2)
        self.field.setMinimumWidth(120)
        self.field.setMaximumWidth(340)
        for chip in self.chips.values():
            row.addWidget(chip)
        row.addWidget(self.field)
        row.addStretch()
        for widget in (self.state, self.order, self.side, self.as_list, self.options, self.again):
            row.addWidget(widget)
        row.addWidget(self.process)

    def _tool(self, tip: str, *, is_toggle: bool = False) -> QToolButton:
        button = QToolButton()
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setCheckable(is_toggle)
        return button

    def _show_icons(self) -> None:
        for button, name in (
            (self.as_list, "list"),
            (self.options, "sliders-horizontal"),
            (self.again, "refresh-cw"),
            (self.process, "boxes"),
        ):
            button.setIcon(icons.icon(name, self._theme.tokens))


def _state_words(state: str) -> str:
    return {
        "processed": translate("processed"),
        "stale": translate("stale"),
        "failed": translate("failed"),
        "unsupported": translate("unsupported"),
        "own options": translate("own options"),
    }[state]
