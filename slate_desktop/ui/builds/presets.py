"""The presets of a project in the Build pane: one is chosen, kept under a name, removed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.builds.presets import MAX_NAME, BuildPreset, check_preset_name
from slate_desktop.errors import CommandError
from slate_desktop.translation import sentence
from slate_desktop.ui.button_box import ButtonBox
from slate_desktop.ui.text import (
    clean,
    explain,
    plain_label,
    set_invalid,
    set_primary,
    wrapped_label,
)
from slate_desktop.ui.tokens import DIALOG_MARGINS

PRESET_SPACING = 4


class PresetBar(QWidget):
    """A list of presets, with the actions that keep and remove one beside it."""

    chosen = Signal(str)

    def __init__(self, actions: Sequence[QAction]) -> None:
        super().__init__()
        self.combo = QComboBox()
        self.combo.setAccessibleName(self.tr("Preset"))
        self.combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.combo.setMinimumContentsLength(6)
        explain(self.combo, self.tr("Fills the form with what was kept under a name."))
        self.combo.activated.connect(self._on_activated)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(PRESET_SPACING)
        self.label = plain_label(self.tr("Preset"), role="muted")
        layout.addWidget(self.label)
        layout.addWidget(self.combo, 1)
        for action in actions:
            button = QToolButton(self)
            button.setDefaultAction(action)
            layout.addWidget(button)
        self._presets: list[BuildPreset] = []
        self.set_presets([])

    @property
    def preset(self) -> BuildPreset | None:
        """The chosen preset, None when none is."""
        name = self.combo.currentData()
        return next((preset for preset in self._presets if preset.name == name), None)

    @property
    def names(self) -> list[str]:
        """The names of all presets."""
        return [preset.name for preset in self._presets]

    def set_presets(self, presets: Sequence[BuildPreset], chosen: str | None = None) -> None:
        """Show these presets; the chosen one stays chosen, or becomes ``chosen``."""
        name = chosen or self.combo.currentData()
        self._presets = list(presets)
        self.combo.clear()
        nothing = self.tr("None") if presets else self.tr("None kept yet")
        self.combo.addItem(nothing, None)
        for preset in presets:
            self.combo.addItem(clean(preset.name), preset.name)
        self.combo.setCurrentIndex(max(0, self.combo.findData(name) if name else 0))
        self.combo.setEnabled(bool(presets))

    def set_changed(self, is_changed: bool) -> None:
        """Mark the chosen preset as one that the form differs from."""
        index = self.combo.currentIndex()
        if index > 0:
            name = clean(str(self.combo.itemData(index)))
            text = self.tr("{name} (changed)").format(name=name) if is_changed else name
            self.combo.setItemText(index, text)

    def _on_activated(self, index: int) -> None:
        for other in range(1, self.combo.count()):
            self.combo.setItemText(other, clean(str(self.combo.itemData(other))))
        if index > 0:
            self.chosen.emit(self.combo.itemData(index))


class PresetDialog(QDialog):
    """Asks for the name to keep a preset under; its button says when one is replaced."""

    def __init__(self, parent: QWidget, names: Sequence[str], proposed: str) -> None:
        super().__init__(parent)
        self._names = frozenset(names)
        self.setWindowTitle(self.tr("Keep as a preset"))
        self.setMinimumWidth(380)
        self.field = QLineEdit(proposed)
        self.field.setAccessibleName(self.tr("Name"))
        self.field.setPlaceholderText(self.tr("Such as Nightly or Steam"))
        self.field.setMaxLength(MAX_NAME)
        self.field.selectAll()
        self.note = wrapped_label(role="muted")
        buttons = ButtonBox()
        self.save = buttons.addButton(self.tr("Keep"), QDialogButtonBox.ButtonRole.AcceptRole)
        set_primary(self.save)
        self.save.setDefault(True)
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.field.textChanged.connect(self._check)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(10)
        layout.addWidget(plain_label(self.tr("Name"), role="muted"))
        layout.addWidget(self.field)
        layout.addWidget(self.note)
        layout.addSpacing(6)
        layout.addWidget(buttons)
        self._check()

    @property
    def name(self) -> str:
        """What was written, without blanks around it."""
        return self.field.text().strip()

    def _check(self) -> None:
        error = ""
        try:
            check_preset_name(self.name)
        except CommandError as exc:
            error = sentence(str(exc)) if self.field.text() else ""
            self.save.setEnabled(False)
        else:
            self.save.setEnabled(True)
        is_known = self.name in self._names
        self.save.setText(self.tr("Replace") if is_known else self.tr("Keep"))
        set_invalid(self.field, error)
        self.note.setText(
            error
            or (
                self.tr("The project has a preset of this name; it will be replaced.")
                if is_known
                else self.tr("Everybody who opens the project finds it here.")
            )
        )
