"""Options of the selected assets: what one touches here is chosen for all of them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions, parse_options
from slate_desktop.translation import plural
from slate_desktop.ui.assets.options_form import OptionsForm
from slate_desktop.ui.text import set_primary, wrapped_label

_WIDTH = 290


class BatchPanel(QWidget):
    """A form for one kind. ``apply_wanted`` carries the kind and the touched values."""

    apply_wanted = Signal(object, object)
    reset_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(_WIDTH)
        self.form: OptionsForm | None = None
        self.title = wrapped_label(role="muted")
        self.apply = QPushButton(self.tr("Apply"))
        set_primary(self.apply)
        self.apply.clicked.connect(self._on_apply)
        self.reset = QPushButton(self.tr("Follow presets"))
        self.reset.setToolTip(self.tr("Forget what was chosen for these assets"))
        self.reset.clicked.connect(self.reset_wanted)
        self._holder = QVBoxLayout()
        row = QHBoxLayout()
        row.addWidget(self.apply)
        row.addWidget(self.reset)
        inner = QWidget()
        inner.setObjectName("pane")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(inner)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        column.addWidget(self.title)
        column.addLayout(self._holder)
        column.addLayout(row)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)

    def show_selection(
        self, kinds: list[AssetKind | None], options: AssetOptions | None = None
    ) -> None:
        """Show a form for the selected assets; ``options`` are those of a single one."""
        if self.form is not None:
            self._holder.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
            self.form = None
        kind = kinds[0] if len(set(kinds)) == 1 else None
        for button in (self.apply, self.reset):
            button.setEnabled(kind is not None)
        if not kinds:
            self.title.setText(self.tr("Select assets, to choose their options."))
        elif kind is None:
            self.title.setText(self.tr("Select assets of one kind, to choose their options."))
        else:
            self.title.setText(_selected(kind, len(kinds)))
            is_batch = options is None
            self.form = OptionsForm(kind, options or parse_options(kind, {}), is_batch=is_batch)
            self.form.changed.connect(self._on_edit)
            self._holder.addWidget(self.form)

    def _on_edit(self) -> None:
        self.apply.setEnabled(self.form is not None and self.form.options() is not None)

    def _on_apply(self) -> None:
        if self.form is not None and self.form.options() is not None:
            values: dict[str, Any] = self.form.values()
            self.apply_wanted.emit(self.form.kind, values)


def _selected(kind: AssetKind, count: int) -> str:
    if kind is AssetKind.TEXTURE:
        return plural("{count} texture", "{count} textures", count)
    if kind is AssetKind.MODEL:
        return plural("{count} model", "{count} models", count)
    return plural("{count} sound", "{count} sounds", count)
