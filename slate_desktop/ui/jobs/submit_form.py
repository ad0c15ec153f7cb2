"""How the next assets are submitted: preset, folder of results, and values of one's own."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import options_to_json, parse_options
from slate_desktop.domain.assets.presets import AssetPreset, choose_preset
from slate_desktop.translation import sentence
from slate_desktop.ui.assets.options_form import OptionsForm
from slate_desktop.ui.text import align_labels, plain_label, wrapped_label

BY_RULES, DEFAULTS = "", "-"


class SubmitForm(QWidget):
    """A preset picker and the options of each kind, as the asset browser shows them."""

    save_wanted = Signal()
    remove_wanted = Signal(object)  # AssetPreset

    def __init__(self) -> None:
        super().__init__()
        self._presets: tuple[AssetPreset, ...] = ()
        self._own: frozenset[str] = frozenset()
        self._is_filling = False
        self.forms: dict[AssetKind, OptionsForm] = {}
        self.preset = QComboBox()
        self.preset.setAccessibleName(self.tr("Preset"))
        self.kind = QComboBox()
        self.kind.setAccessibleName(self.tr("Kind of asset"))
        for kind, title in (
            (AssetKind.TEXTURE, self.tr("Textures")),
            (AssetKind.MODEL, self.tr("Models")),
            (AssetKind.AUDIO, self.tr("Sounds")),
        ):
            self.kind.addItem(title, kind.value)
        self.out_dir = QLineEdit()
        self.out_dir.setPlaceholderText(self.tr("processed/ and the asset's folder"))
        self.out_dir.setAccessibleName(self.tr("Folder for results, inside the project"))
        self.force = QCheckBox(self.tr("Process again what is known"))
        self.note = wrapped_label(role="muted")
        self.save = QPushButton(self.tr("Save as preset…"))
        self.save.setToolTip(self.tr("Keep these options for the project under a name"))
        self.remove = QPushButton(self.tr("Remove preset"))
        self._lay_out()
        self.save.clicked.connect(self.save_wanted)
        self.remove.clicked.connect(lambda: self.remove_wanted.emit(self.preset_now))
        self.preset.currentIndexChanged.connect(self._on_preset)
        self.kind.currentIndexChanged.connect(lambda _index: self._show_kind())
        self.set_presets(())

    @property
    def preset_now(self) -> AssetPreset | None:
        """The chosen preset; None for the rules and for the defaults."""
        wanted = self.preset.currentData()
        return next((preset for preset in self._presets if preset.id == wanted), None)

    def choose(self, preset_id: str) -> None:
        """Choose a preset, as the user would."""
        self.preset.setCurrentIndex(max(0, self.preset.findData(preset_id)))

    def values_by_kind(self) -> dict[str, dict[str, object]]:
        """Return what the form holds beside the defaults, by kind.

        Raises:
            CommandError: ``bad_request`` for a value that its kind does not take.
        """
        found: dict[str, dict[str, object]] = {}
        for kind, form in self.forms.items():
            values = form.values()
            options = parse_options(kind, values)
            usual = options_to_json(parse_options(kind, {}))
            kept = {name: value for name, value in values.items() if value != usual.get(name)}
            # A default may follow from another value, so that saying it again matters.
            is_same = parse_options(kind, kept) == options
            found[kind.value] = kept if is_same else values
        return found

    def set_presets(self, presets: tuple[AssetPreset, ...], *, own: Iterable[str] = ()) -> None:
        """Offer presets; those of the ids ``own`` can be removed."""
        if (presets, frozenset(own)) == (self._presets, self._own) and self.preset.count():
            return  # what was typed stays
        self._presets, self._own = presets, frozenset(own)
        chosen = self.preset.currentData()
        self._is_filling = True
        self.preset.clear()
        self.preset.addItem(self.tr("By the presets' rules"), BY_RULES)
        self.preset.addItem(self.tr("Defaults"), DEFAULTS)
        for preset in self._presets:
            self.preset.addItem(sentence(preset.title), preset.id)
        self.preset.setCurrentIndex(max(0, self.preset.findData(chosen)))
        self._is_filling = False
        self._make_forms()

    def options_for(self, path: str, kind: AssetKind) -> dict[str, object]:
        """Return the options of an asset: what was chosen here over its preset.

        Args:
            path: below the project's folder, with ``/``; the rules of presets look at it.
            kind: of the asset.

        Raises:
            CommandError: ``bad_request`` for a value that its kind does not take.
        """
        given: dict[str, object] = self.forms[kind].values()
        if self.preset.currentData() == BY_RULES:
            preset = choose_preset(self._presets, path, kind)
            given = {**(preset.values_of(kind) if preset is not None else {}), **given}
        parse_options(kind, given)
        return given

    def _make_forms(self) -> None:
        """Begin anew from the chosen preset; by the rules, each asset has its own start."""
        wanted, preset = self.preset.currentData(), self.preset_now
        for form in self.forms.values():
            self._holder.removeWidget(form)
            form.hide()
            form.deleteLater()
        for kind in AssetKind:
            options = parse_options(kind, preset.values_of(kind) if preset is not None else {})
            form = self.forms[kind] = OptionsForm(kind, options, is_batch=wanted == BY_RULES)
            self._holder.addWidget(form)
        align_labels(self._form, *(form.rows for form in self.forms.values()))
        if preset is not None:
            text = sentence(preset.description)
        elif wanted == BY_RULES:
            text = self.tr("Each asset follows the preset whose rule fits it. Its own options win.")
        else:
            text = ""
        self.note.setText(text)
        self.note.setVisible(bool(text))
        self.remove.setVisible(wanted in self._own)
        self._show_kind()

    def changeEvent(self, event: QEvent) -> None:
        """Keep fields at one edge in another font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            align_labels(self._form, *(form.rows for form in self.forms.values()))

    def _show_kind(self) -> None:
        for kind, form in self.forms.items():
            form.setVisible(kind.value == self.kind.currentData())

    def _on_preset(self) -> None:
        if not self._is_filling:
            self._make_forms()

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setObjectName("pane")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        form = self._form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(6)
        form.addRow(plain_label(self.tr("Preset"), role="muted"), self.preset)
        form.addRow(self.note)
        buttons = QHBoxLayout()
        buttons.addWidget(self.save)
        buttons.addWidget(self.remove)
        buttons.addStretch(1)
        form.addRow("", buttons)
        form.addRow(plain_label(self.tr("Results"), role="muted"), self.out_dir)
        form.addRow("", self.force)
        form.addRow(plain_label(self.tr("Options of"), role="muted"), self.kind)
        self._holder = QVBoxLayout()
        column = QVBoxLayout(inner)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(8)
        column.addLayout(form)
        column.addLayout(self._holder)
        column.addStretch(1)
        area = QScrollArea()
        # What is in it takes the focus, and is then scrolled to.
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)
