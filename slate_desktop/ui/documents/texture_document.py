"""A texture: its view, its switches, what is known of it, and the comparison."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import AssetOptions, options_to_json
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.errors import SlateError
from slate_desktop.pipeline.preview.shading import Look
from slate_desktop.translation import sentence
from slate_desktop.ui.documents.document import Document, DocumentContext
from slate_desktop.ui.documents.reader import Reading
from slate_desktop.ui.documents.texture.compare import ComparePanel
from slate_desktop.ui.documents.texture.comparing import CompareMode
from slate_desktop.ui.documents.texture.controls import TextureControls
from slate_desktop.ui.documents.texture.levels import Levels
from slate_desktop.ui.documents.texture.view import TextureView
from slate_desktop.ui.documents.watch import FileWatch, stamp_of
from slate_desktop.ui.text import ElidedLabel


class TextureDocument(Document):
    """One texture."""

    icon = "file-image"

    def __init__(self, path: Path, context: DocumentContext) -> None:
        super().__init__(path, context)
        self._reading: Reading | None = None
        self._compared: Reading | None = None
        self._watch: FileWatch | None = None
        self.facts: dict[str, Any] = {}
        self._page = self.new_page()
        self.view = TextureView(self.theme, context.tasks, Look(), self._page)

    # -- Document --------------------------------------------------------------------------

    def make(self) -> Iterator[None]:
        """Make what is around the view."""
        self.controls = TextureControls(self.theme, self.view, self._page)
        yield from self.controls.make()
        yield
        self.words = ElidedLabel(role="muted")
        self.texel = ElidedLabel(role="muted")
        self.texel.setFont(self.theme.mono_font())
        # The view must not move when a texel is told.
        self.texel.setMinimumHeight(self.texel.fontMetrics().height() + 2)
        self.controls.compare_wanted.connect(self._on_compare)
        self.view.hovered.connect(self._on_hovered)
        yield
        self._lay_out()

    async def load(self) -> None:
        """Read every level in a child; a small picture comes first."""
        stamp = await asyncio.to_thread(stamp_of, self.path)
        reading = await self.context.reader.read(
            "texture:open_texture", self.path, kind=AssetKind.TEXTURE, on_first=self._show_first
        )
        arrays = tuple(reading.plane(plane) for plane in reading.result["planes"])
        height, width = arrays[0].shape[:2]
        old, self._reading = self._reading, reading
        self.facts = reading.result
        self.view.set_levels(Levels(arrays, width, height))
        self.controls.set_levels(len(arrays))
        self._show_facts(width, height, stamp[1] if stamp else 0)
        self.show_content(self._page)
        if old is not None:
            old.close()
        if self._watch is None:
            self._watch = FileWatch(self.path, stamp, self)
            self._watch.changed.connect(self.start)
        if self.controls.compare.isChecked():
            self._on_compare(True)

    async def aclose(self) -> None:
        """Remove what the children wrote."""
        self.view.levels = self.view.other = None
        for reading in (self._reading, self._compared):
            if reading is not None:
                await asyncio.to_thread(reading.close)

    def view_state(self) -> dict[str, Any]:
        """Return zoom and place."""
        view = self.view
        return {"zoom": view.zoom, "x": view.centre.x(), "y": view.centre.y()}

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let the switches look at the key."""
        if not self.is_made or not self.controls.take_key(event):
            super().keyPressEvent(event)

    @cached_property
    def panel(self) -> ComparePanel:
        """Options and figures; made when it is first wanted, which takes longer than a frame."""
        panel = ComparePanel(self.theme)
        panel.hide()
        panel.compute_wanted.connect(self._on_compute)
        panel.mode_changed.connect(self._on_mode)
        self._middle.addWidget(panel)
        return panel

    # -- private ---------------------------------------------------------------------------

    def _show_first(self, folder: Path, words: str) -> None:
        numbers = [int(part) for part in words.split()[1:5] if part.isdecimal()]
        if len(numbers) != 4 or self._reading is not None:
            return
        across, down, width, height = numbers
        kind = "uint8" if (folder / "first").stat().st_size == across * down * 4 else "float32"
        plane = {"file": "first", "shape": [down, across, 4], "type": kind}
        pixels = Reading({}, folder).plane(plane)
        self.view.set_levels(Levels((pixels,), width, height))
        self.show_content(self._page)

    def _show_facts(self, width: int, height: int, size: int) -> None:
        facts = self.facts
        parts = [
            f"{width} × {height}",
            f"{facts['format'].upper()} {facts['mode']}",
            self.tr("{n} bit").format(n=facts["bits"]) if facts["bits"] else "",
            facts["color_space"] if facts["color_space"] != "auto" else "",
            format_bytes(size),
            self.tr("GPU {bytes}").format(bytes=format_bytes(facts["gpu_bytes"])),
            self.tr("{n} own mips").format(n=facts["own_levels"])
            if facts["own_levels"] > 1
            else "",
            *(sentence(str(note)) for note in facts["notes"]),
        ]
        self.words.setText("   ·   ".join(part for part in parts if part))

    def _on_hovered(self, found: object) -> None:
        if not isinstance(found, tuple):
            self.texel.setText("")
            return
        x, y, values = found
        if all(isinstance(value, int) for value in values):
            code = "".join(f"{value:02x}" for value in values)
            numbers = " ".join(f"{value:3d}" for value in values)
            self.texel.setText(f"{x}, {y}   {numbers}   #{code}")
        else:
            numbers = " ".join(f"{value:.4g}" for value in values)
            self.texel.setText(f"{x}, {y}   {numbers}")

    def _on_compare(self, is_on: bool) -> None:
        self.panel.setVisible(is_on)
        if not is_on:
            self.view.set_other(None, CompareMode.WIPE)
            return
        options = self.panel.form.options()
        if options is not None:
            self._on_compute(options)

    def _on_mode(self, mode: CompareMode) -> None:
        self.view.set_other(self.view.other, mode)

    def _on_compute(self, options: AssetOptions) -> None:
        self.panel.set_busy(self.tr("Computing…"))
        self.context.tasks.spawn(self._compute(options), "compare texture", self)

    async def _compute(self, options: AssetOptions) -> None:
        try:
            reading = await self.context.reader.read(
                "compare:compare_texture",
                self.path,
                kind=AssetKind.TEXTURE,
                options=options_to_json(options),
            )
        except SlateError as error:
            self.panel.show_failure(sentence(str(error)))
            return
        arrays = tuple(reading.plane(plane) for plane in reading.result["planes"])
        old, self._compared = self._compared, reading
        levels = self.view.levels
        if levels is not None and self.controls.compare.isChecked():
            self.view.set_other(Levels(arrays, levels.width, levels.height), self.panel.mode)
        self.panel.show_result(reading.result)
        if old is not None:
            old.close()

    def _lay_out(self) -> None:
        page = self._page
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.controls)
        middle = self._middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.view, 1)
        column.addLayout(middle, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 3, 12, 3)
        foot.addWidget(self.words, 3)
        foot.addWidget(self.texel, 2)
        column.addLayout(foot)
        page.setFocusProxy(self.view)
