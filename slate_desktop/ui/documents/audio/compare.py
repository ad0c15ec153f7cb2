"""Before and after: the options of a sound, what they would make of it, and its figures."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget

from slate_desktop.domain.assets.audio import AudioOptions
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import options_to_json
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.ui.assets.options_form import OptionsForm
from slate_desktop.ui.documents.facts import FactsColumn
from slate_desktop.ui.text import format_share, set_primary, wrapped_label

_WIDTH = 300


class ComparePanel(QScrollArea):
    """``compute_wanted`` carries options as JSON values."""

    compute_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.form = OptionsForm(AssetKind.AUDIO, AudioOptions())
        self.form.changed.connect(lambda: self.compute.setEnabled(self.form.options() is not None))
        self.compute = QPushButton(self.tr("Compute"))
        set_primary(self.compute)
        self.compute.clicked.connect(self._on_compute)
        self.state = wrapped_label(role="faint")
        self.figures = FactsColumn()
        inner = QWidget()
        inner.setObjectName("page")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(inner)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(10)
        for widget in (self.form, self.compute, self.state, self.figures):
            column.addWidget(widget)
        column.addStretch(1)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inner)
        self.setFixedWidth(_WIDTH)

    def show_result(self, result: dict[str, Any]) -> None:
        """Show the figures of what the options made."""
        self.compute.setEnabled(True)
        self.state.setText(self.tr("X switches between both, equally loud."))
        source, made = int(result["source_bytes"]), int(result["file_bytes"])
        self.figures.set_facts(
            [
                (self.tr("Before"), levels_in_words(result["before_lufs"], result["before_peak"])),
                (self.tr("After"), levels_in_words(result["after_lufs"], result["after_peak"])),
                (self.tr("File"), f"{format_bytes(made)} ({format_share(made / max(source, 1))})"),
                (self.tr("Time"), f"{int(result['duration_ms'])} ms"),
            ],
            [str(words) for words in result["warnings"]],
        )

    def show_failure(self, words: str) -> None:
        """Say why it could not be computed."""
        self.compute.setEnabled(True)
        self.state.setText(words)

    def _on_compute(self) -> None:
        options = self.form.options()
        if options is not None:
            self.compute.setEnabled(False)
            self.state.setText(self.tr("Computing…"))
            self.compute_wanted.emit(options_to_json(options))


def equal_gains(before_lufs: float | None, after_lufs: float | None) -> list[float]:
    """Return factors that make both as loud as the quieter one."""
    if before_lufs is None or after_lufs is None:
        return [1.0, 1.0]
    target = min(before_lufs, after_lufs)
    return [10 ** ((target - level) / 20) for level in (before_lufs, after_lufs)]


def levels_in_words(lufs: float | None, peak: float | None) -> str:
    """Return loudness and true peak, a dash for silence."""
    loud = "– LUFS" if lufs is None else f"{lufs:.1f} LUFS"
    high = "– dBTP" if peak is None else f"{peak:+.1f} dBTP"
    return f"{loud}, {high}"
