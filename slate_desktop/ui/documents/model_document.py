"""A model: its view, its switches, its animations, and what is known of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.errors import AssetError, SlateError
from slate_desktop.translation import plural, sentence
from slate_desktop.ui.documents.document import Document, DocumentContext
from slate_desktop.ui.documents.facts import FactsColumn
from slate_desktop.ui.documents.model.camera import Camera
from slate_desktop.ui.documents.model.controls import AnimationBar, ModelControls
from slate_desktop.ui.documents.model.drawable import Drawable
from slate_desktop.ui.documents.model.uv_view import UvView
from slate_desktop.ui.documents.model.variants import PAINTED, Variants
from slate_desktop.ui.documents.model.view import ModelView
from slate_desktop.ui.documents.model.worker import ModelWorker
from slate_desktop.ui.documents.watch import FileWatch, stamp_of
from slate_desktop.ui.text import ElidedLabel, format_share

# These formats are drawn by people and programs whose up is z.
_Z_UP = (".stl", ".ply")
_PANEL_WIDTH = 270
# The view of a player on a screen of 1080 lines, for the distance of a switch.
_PLAYER_LINES, _PLAYER_ANGLE = 1080, math.radians(60)


class ModelDocument(Document):
    """One model."""

    icon = "box"

    def __init__(self, path: Path, context: DocumentContext) -> None:
        super().__init__(path, context)
        self._worker: ModelWorker | None = None
        self._variants = Variants(path, context.reader)
        self._shown = (0, "shaded")
        self._is_showing = self._is_closed = False
        self._watch: FileWatch | None = None
        self._size_m, self._summary = 0.0, ""
        self.facts: dict[str, Any] = {}
        self._page = self.new_page()
        self.view = ModelView(self.theme, context.tasks, self._page)
        self.view.failed.connect(self.show_trouble)

    # -- Document --------------------------------------------------------------------------

    def make(self) -> Iterator[None]:
        """Make what is around the view."""
        page = self._page
        self.controls = ModelControls(self.theme, self.view, page)
        yield from self.controls.make()
        yield
        self.animations = AnimationBar(self.theme, self.view, page)
        yield
        self.uvs = UvView(self.theme, self.context.tasks, page)
        self.uvs.hide()
        self.panel = FactsColumn(page)
        self.words = ElidedLabel("", page, role="muted")
        self.controls.uv_wanted.connect(self._on_uvs)
        self.controls.lod_wanted.connect(lambda _level: self._show_soon())
        self.controls.mode_wanted.connect(lambda _name: self._show_soon())
        self.controls.make_lods.clicked.connect(self._on_make_lods)
        yield
        self._lay_out()
        self.controls.facts_wanted.connect(self._panel_area.setVisible)

    async def load(self) -> None:
        """Check and describe the file in one child, and draw it in another."""
        stamp = await asyncio.to_thread(stamp_of, self.path)
        try:
            async with asyncio.TaskGroup() as group:
                # The process starts meanwhile; it gets no file that was not checked before.
                describing = group.create_task(self._describe())
                naming = group.create_task(self.context.reader.files_of(AssetKind.MODEL, self.path))
                group.create_task(self._prepare())
        except ExceptionGroup as errors:
            # The first is the reason; the others were only told to stop.
            raise errors.exceptions[0] from errors
        self.facts = describing.result()
        await self._open_first(naming.result())
        self._show_facts()
        await asyncio.sleep(0)
        self.show_content(self._page)
        if self._watch is None:
            self._watch = FileWatch(self.path, stamp, self)
            self._watch.changed.connect(self.start)

    async def aclose(self) -> None:
        """Let go of the drawing process."""
        self._is_closed = True
        if self.is_made:
            self.animations.stop()
        self.view.set_worker(None)
        worker, self._worker = self._worker, None
        if worker is not None:
            await self.context.models.give_back(worker)
        await self._variants.aclose()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let the switches look at the key; Space plays."""
        if not self.is_made:
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Space and self.animations.isVisibleTo(self):
            self.animations.play.toggle()
        elif not self.controls.take_key(event):
            super().keyPressEvent(event)

    # -- private ---------------------------------------------------------------------------

    async def _prepare(self) -> ModelWorker:
        """Return a process that can draw; a new one where the last has ended."""
        worker = self._worker
        if worker is None or not worker.is_alive:
            if worker is not None:
                await worker.aclose()
            worker = await self.context.models.take()
            if self._is_closed:
                await self.context.models.give_back(worker)
                raise AssetError.crash("The document was closed meanwhile.")
            self._worker = worker
        return worker

    async def _describe(self) -> dict[str, Any]:
        reading = await self.context.reader.read(
            "model:describe_model", self.path, kind=AssetKind.MODEL
        )
        await asyncio.to_thread(reading.close)
        return reading.result

    async def _open_first(self, files: dict[str, Path]) -> None:
        self._is_showing = True
        try:
            await self._variants.open(self.facts, files)
            self.controls.set_lods([])
            self._shown = (0, "shaded")
            await self._open(*await self._variants.variant(*self._shown))
        finally:
            self._is_showing = False
        self._show_soon()

    async def _open(self, model: Drawable, mode: str, *, keep: bool = False) -> None:
        worker = await self._prepare()
        self.view.set_worker(None)
        up = "z" if self.path.suffix.lower() in _Z_UP else "y"
        low, high = _bounds(self.facts)
        opened = await worker.open(model.files, model.main, f"+{up.upper()}", [low, high])
        self.view.shown.mode = mode
        if not keep:
            camera = Camera(angle=float(opened["angle"]), up=up).around(low, high)
            self.view.set_camera(camera.framed())
            names = [str(name) for name in opened["animations"]]
            self.animations.set_animations(names, opened["ranges"])
        self.view.set_worker(worker)

    def _show_facts(self) -> None:
        facts = self.facts
        low, high = _bounds(facts)
        sides = [b - a for a, b in zip(low, high, strict=True)]
        self._size_m = math.dist(low, high)
        counts = facts.get("counts", facts)
        shown = [
            (words, f"{counts[name]:,}")
            for name, words in (
                ("triangles", self.tr("Triangles")),
                ("vertices", self.tr("Vertices")),
                ("draw_calls", self.tr("Draw calls")),
                ("materials", self.tr("Materials")),
                ("textures", self.tr("Textures")),
                ("bones", self.tr("Bones")),
                ("animations", self.tr("Animations")),
                ("morph_targets", self.tr("Morph targets")),
            )
            if name in counts
        ]
        box = " × ".join(f"{side:,.2f}" for side in sides) + " m"
        shown.append((self.tr("Box"), box))
        shown.append((self.tr("Files"), format_bytes(int(facts["input_size"]))))
        if "vram_bytes" in counts:
            shown.append((self.tr("VRAM"), format_bytes(int(counts["vram_bytes"]))))
        warnings = [sentence(str(words)) for words in facts.get("warnings", ())]
        self.panel.set_facts(shown, warnings)
        triangles = plural("{count:,} triangle", "{count:,} triangles", int(counts["triangles"]))
        self._summary = f"{triangles}   ·   {box}"
        self._show_words()

    def _show_words(self) -> None:
        backend = self._worker.backend if self._worker is not None else ""
        self.words.setText(f"{self._summary}   ·   {backend}")

    def _on_uvs(self, is_on: bool) -> None:
        self.uvs.setVisible(is_on)
        if is_on:
            self.context.tasks.spawn(self._read_uvs(), "read UVs", self)

    async def _read_uvs(self) -> None:
        try:
            reading = await self.context.reader.read(
                "model:uv_layout", self.path, kind=AssetKind.MODEL
            )
        except SlateError as error:
            self.words.setText(sentence(str(error)))
            return
        self.uvs.set_layout(reading.plane(reading.result["plane"]))
        await asyncio.to_thread(reading.close)
        outside = float(reading.result["outside"])
        if outside > 0:
            self.words.setText(
                self.tr("{share} of the triangles lie outside the unit square.").format(
                    share=format_share(outside)
                )
            )

    def _on_make_lods(self) -> None:
        self.controls.make_lods.setEnabled(False)
        self.words.setText(self.tr("Making levels of detail…"))
        self.context.tasks.spawn(self._make_lods(), "make LODs", self)

    async def _make_lods(self) -> None:
        try:
            levels = await self._variants.make_levels()
        except SlateError as error:
            self.words.setText(sentence(str(error)))
            return
        finally:
            self.controls.make_lods.setEnabled(True)
        labels = []
        for number, level in enumerate(levels):
            words = f"{number}: {int(level['triangles']):,} · {format_bytes(int(level['size']))}"
            if number:
                distance = switch_distance(float(level["error"]) * self._size_m)
                words += self.tr(" · from {distance}").format(distance=_metres(distance))
            labels.append(words)
        self.controls.set_lods(labels)
        self._show_words()

    def _show_soon(self) -> None:
        """Show the chosen level in the chosen way; the newest choice wins."""
        if not self._is_showing:
            self._is_showing = True
            self.context.tasks.spawn(self._show_chosen(), "show variant", self)

    async def _show_chosen(self) -> None:
        controls, view = self.controls, self.view
        try:
            while (wanted := (controls.lod.value(), controls.mode.currentData())) != self._shown:
                old, self._shown = self._shown, wanted
                model, mode = await self._variants.variant(*wanted)
                if old[0] == wanted[0] and PAINTED.isdisjoint((old[1], wanted[1])):
                    view.shown.mode = mode
                    view.refresh()
                else:
                    await self._open(model, mode, keep=True)
        except (SlateError, OSError) as error:
            self.words.setText(sentence(str(error)))
            controls.set_mode("shaded")
        finally:
            self._is_showing = False
        if (controls.lod.value(), controls.mode.currentData()) != self._shown:
            self._show_soon()

    def _lay_out(self) -> None:
        page = self._page
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.controls)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.view, 3)
        middle.addWidget(self.uvs, 2)
        inner = QWidget()
        inner.setObjectName("page")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        holder = QVBoxLayout(inner)
        holder.setContentsMargins(12, 10, 12, 10)
        holder.addWidget(self.panel)
        holder.addStretch(1)
        self._panel_area = QScrollArea(page)
        self._panel_area.setWidgetResizable(True)
        self._panel_area.setWidget(inner)
        self._panel_area.setFixedWidth(_PANEL_WIDTH)
        middle.addWidget(self._panel_area)
        column.addLayout(middle, 1)
        column.addWidget(self.animations)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 3, 12, 3)
        foot.addWidget(self.words)
        column.addLayout(foot)
        page.setFocusProxy(self.view)


def switch_distance(error_m: float) -> float:
    """Return from how far an error of so many metres is below a pixel of a player's screen."""
    return error_m * _PLAYER_LINES / (2 * math.tan(_PLAYER_ANGLE / 2))


def _bounds(facts: dict[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    low, high = facts["bounds"]
    return tuple(float(v) for v in low), tuple(float(v) for v in high)


def _metres(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f} m"
    return f"{value:.2f} m" if value >= 1 else f"{value * 100:.1f} cm"
