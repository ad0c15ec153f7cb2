"""Compare: what the options in the panel would make of a texture, computed here and now.

A child processes the file with the options, reads its own product back, and measures it; no job
and no server is needed, and nothing is written into the project.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions
from slate_desktop.domain.assets.texture import Effort, TextureOptions
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.translation import plural, sentence
from slate_desktop.ui.assets.options_form import OptionsForm
from slate_desktop.ui.documents.facts import FactsColumn
from slate_desktop.ui.documents.texture.comparing import CompareMode
from slate_desktop.ui.text import clean, format_share, set_primary, wrapped_label
from slate_desktop.ui.theme import Theme

_WIDTH = 372


class ComparePanel(QWidget):
    """Options, the way to compare, and the figures."""

    compute_wanted = Signal(object)
    mode_changed = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFixedWidth(_WIDTH)
        self.modes = QButtonGroup(self)
        self.mode_buttons: dict[CompareMode, QToolButton] = {}
        row = QHBoxLayout()
        row.setSpacing(4)
        for mode, words in (
            (CompareMode.WIPE, self.tr("Wipe")),
            (CompareMode.SIDE, self.tr("Side by side")),
            (CompareMode.BLINK, self.tr("Blink")),
            (CompareMode.DIFFERENCE, self.tr("Difference")),
        ):
            button = QToolButton()
            button.setObjectName("chip")
            button.setText(words)
            button.setCheckable(True)
            button.setAccessibleName(words)
            self.modes.addButton(button)
            self.mode_buttons[mode] = button
            row.addWidget(button)
        row.addStretch(1)
        self.mode_buttons[CompareMode.WIPE].setChecked(True)
        self.modes.buttonToggled.connect(
            lambda _button, is_on: self.mode_changed.emit(self.mode) if is_on else None
        )
        self.form = OptionsForm(AssetKind.TEXTURE, TextureOptions(effort=Effort.PREVIEW))
        self.compute = QPushButton(self.tr("Compute"))
        set_primary(self.compute)
        self.compute.clicked.connect(self._on_compute)
        self.state = wrapped_label(role="faint")
        self.figures = FactsColumn()
        self.form.changed.connect(self._on_edit)
        column = QVBoxLayout()
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(10)
        column.addLayout(row)
        # The figures first: they are what is looked for, whatever the height.
        for widget in (self.state, self.figures, self.form):
            column.addWidget(widget)
        column.addStretch(1)
        inner = QWidget()
        inner.setObjectName("page")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        inner.setLayout(column)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)
        foot = QWidget()
        foot.setObjectName("page")
        foot.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        below = QHBoxLayout(foot)
        below.setContentsMargins(12, 6, 12, 8)
        below.addWidget(self.compute)
        layout.addWidget(foot)

    @property
    def mode(self) -> CompareMode:
        """How the two are shown."""
        return next(mode for mode, button in self.mode_buttons.items() if button.isChecked())

    def set_busy(self, words: str) -> None:
        """Say that it is computed now."""
        self.compute.setEnabled(False)
        self.state.setText(words)

    def show_result(self, result: dict[str, Any]) -> None:
        """Show the figures of what the options made."""
        self.compute.setEnabled(True)
        self.state.setText(self.tr("Left: the file. Right: {encoding}.").format(
            encoding=clean(str(result["encoding"]))
        ))  # fmt: skip
        psnr = result["psnr_db"]
        source, made = int(result["source_bytes"]), int(result["file_bytes"])
        share, of_source = made / max(source, 1), self.tr("{size} ({share} of the source)")
        mips = plural("{count} mip", "{count} mips", int(result["levels"]))
        facts = [
            (self.tr("PSNR"), self.tr("equal") if psnr is None else f"{psnr:.2f} dB"),
            (self.tr("SSIM"), f"{result['ssim']:.4f}"),
            (self.tr("Size"), f"{result['width']} × {result['height']}, {mips}"),
            (self.tr("File"), of_source.format(size=format_bytes(made), share=format_share(share))),
            (self.tr("VRAM"), format_bytes(int(result["vram_bytes"]))),
            (self.tr("As RGBA"), format_bytes(int(result["rgba_bytes"]))),
            (self.tr("Time"), f"{int(result['duration_ms'])} ms"),
        ]
        self.figures.set_facts(facts, [sentence(str(words)) for words in result["warnings"]])

    def show_failure(self, words: str) -> None:
        """Say why it could not be computed."""
        self.compute.setEnabled(True)
        self.state.setText(words)
        self.figures.set_facts(())

    def _on_edit(self) -> None:
        self.compute.setEnabled(self.form.options() is not None)
        self.state.setText(self.tr("Changed since the last result."))

    def _on_compute(self) -> None:
        options: AssetOptions | None = self.form.options()
        if options is not None:
            self.compute_wanted.emit(options)
