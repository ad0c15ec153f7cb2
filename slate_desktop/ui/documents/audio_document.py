"""A sound: its waveform and spectrogram, playing, levels, and before against after."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.errors import EnvironmentFaultError, SlateError
from slate_desktop.translation import plural, sentence
from slate_desktop.ui import icons
from slate_desktop.ui.documents.audio.compare import ComparePanel, equal_gains, levels_in_words
from slate_desktop.ui.documents.audio.player import Player
from slate_desktop.ui.documents.audio.ruler import clock
from slate_desktop.ui.documents.audio.wave_view import WaveView
from slate_desktop.ui.documents.document import Document, DocumentContext
from slate_desktop.ui.documents.reader import Reading
from slate_desktop.ui.documents.tools import chip, tool
from slate_desktop.ui.documents.watch import FileWatch, stamp_of
from slate_desktop.ui.problems import told
from slate_desktop.ui.text import ElidedLabel, plain_label, wrapped_label
from slate_desktop.ui.tinted import set_icon

_FRAME_MS = 33


class AudioDocument(Document):
    """One sound."""

    icon = "file-audio"

    def __init__(self, path: Path, context: DocumentContext) -> None:
        super().__init__(path, context)
        self._reading: Reading | None = None
        self._after: Reading | None = None
        self._watch: FileWatch | None = None
        self.levels: dict[str, Any] = {}
        self.player = Player()
        self._page = self.new_page()
        self.view = WaveView(self.theme, self._page)
        self.view.scrubbed.connect(self._on_scrub)
        self._timer = QTimer(self)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._on_tick)

    # -- Document --------------------------------------------------------------------------

    def make(self) -> Iterator[None]:
        """Make what is around the view."""
        self.play = tool(self.theme, "", self.tr("Play (Space)"))
        self.loop = tool(self.theme, "repeat", self.tr("Loop (L)"), is_toggle=True)
        self.spectrum = chip(self.tr("Spectrum"), self.tr("Show the spectrogram (S)"))
        self.compare = chip(self.tr("Compare"), self.tr("Compare with what the options make"))
        self.after = chip(self.tr("After"), self.tr("Hear before or after (X)"))
        self.after.setEnabled(False)
        yield
        self.volume = QSlider(Qt.Orientation.Horizontal)
        self.volume.setRange(0, 100)
        self.volume.setValue(80)
        self.volume.setFixedWidth(100)
        self.volume.setAccessibleName(self.tr("Volume"))
        self.volume.setToolTip(self.tr("Volume"))
        self.clock = plain_label()
        self.words = ElidedLabel(role="muted")
        self.trouble = wrapped_label(role="warn")
        self.trouble.hide()
        self._middle = QHBoxLayout()
        yield
        self._lay_out()
        self._connect()

    async def load(self) -> None:
        """Read the sound in a child; its waveform grows while it is read."""
        stamp = await asyncio.to_thread(stamp_of, self.path)
        reading = await self.context.reader.read(
            "audio:open_audio", self.path, kind=AssetKind.AUDIO, on_first=self._show_first
        )
        old, self._reading = self._reading, reading
        result = reading.result
        seconds = float(result["seconds"])
        self.view.set_peaks(reading.plane(result["peaks"]), seconds)
        # What takes some milliseconds has a turn of its own, here and below.
        await asyncio.sleep(0)
        self.view.set_spectrum(reading.plane(result["spectrogram"]))
        self.view.set_clips([float(each) for each in result["clips"]])
        self.player.set_tracks([reading.folder / "pcm"], [1.0], int(result["rate"]))
        self._show_facts(stamp[1] if stamp else 0)
        self._show_clock()
        await asyncio.sleep(0)
        self.show_content(self._page)
        if old is not None:
            await asyncio.to_thread(old.close)
        if self._watch is None:
            self._watch = FileWatch(self.path, stamp, self)
            self._watch.changed.connect(self.start)
        self.context.tasks.spawn(self._measure(), "measure loudness", self)

    async def aclose(self) -> None:
        """Give device and files back."""
        self._timer.stop()
        await asyncio.to_thread(self.player.close)
        for reading in (self._reading, self._after):
            if reading is not None:
                await asyncio.to_thread(reading.close)

    def view_state(self) -> dict[str, Any]:
        """Return where it is."""
        return {"position": self.view.position}

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Play, loop, compare with one key."""
        if not self.is_made:
            super().keyPressEvent(event)
            return
        keys = {
            Qt.Key.Key_Space: self.play.click,
            Qt.Key.Key_L: self.loop.toggle,
            Qt.Key.Key_S: self.spectrum.toggle,
            Qt.Key.Key_X: self.after.click,
        }
        action = keys.get(Qt.Key(event.key()))
        if action is not None and not event.modifiers():
            action()
        else:
            super().keyPressEvent(event)

    # -- private ---------------------------------------------------------------------------

    def _show_first(self, folder: Path, words: str) -> None:
        numbers = [int(part) for part in words.split()[1:5] if part.isdecimal()]
        if len(numbers) == 4 and min(numbers) > 0 and self._reading is None:
            channels, buckets, frames, rate = numbers
            plane = {"file": "peaks", "shape": [channels, buckets, 2], "type": "float32"}
            self.view.set_peaks(Reading({}, folder).plane(plane), frames / rate)
            self.show_content(self._page)
            self._timer.start()

    def _show_facts(self, size: int) -> None:
        result, levels = self._reading.result if self._reading else {}, self.levels
        if not result:
            return
        channels = int(result["channels"])
        parts = [
            self.path.suffix[1:].upper(),
            f"{int(result['rate']):,} Hz",
            {1: self.tr("mono"), 2: self.tr("stereo")}.get(
                channels, self.tr("{n} channels").format(n=channels)
            ),
            clock(float(result["seconds"]), 0.1),
            format_bytes(size),
        ]
        if levels:
            parts.append(levels_in_words(levels["lufs"], levels["true_peak"]))
        clipped = int(result["clipped"])
        parts.append(
            plural("{count} clipped sample", "{count} clipped samples", clipped) if clipped else ""
        )
        self.words.setText("   ·   ".join(part for part in parts if part))

    async def _measure(self) -> None:
        with contextlib.suppress(SlateError):  # the waveform is there; only the level is not
            reading = await self.context.reader.read(
                "audio:levels_of", self.path, kind=AssetKind.AUDIO
            )
            self.levels = reading.result
            await asyncio.to_thread(reading.close)
            self._show_facts(await asyncio.to_thread(lambda: self.path.stat().st_size))

    def _on_play(self) -> None:
        self.trouble.hide()
        if self.player.is_playing:
            self.player.stop()
        else:
            self.context.tasks.spawn(self._start_playing(), "play", self)
        self._show_play()

    async def _start_playing(self) -> None:
        try:
            # Opening a device may wait for a sound server.
            await asyncio.to_thread(self.player.open)
            self.player.play()
        except EnvironmentFaultError as error:
            self.trouble.setText(told(error))
            self.trouble.show()
        self._timer.start()
        self._show_play()

    def _on_tick(self) -> None:
        if self._reading is None:
            self.view.update()
            return
        self._show_clock()
        if not self.player.is_playing:
            self._timer.stop()
            self._show_play()

    def _on_scrub(self, second: float) -> None:
        self.player.seek(round(second * self.player.rate))
        self._show_clock()

    def _show_clock(self) -> None:
        second = min(self.player.position / self.player.rate, self.view.seconds)
        self.view.set_position(second)
        self.clock.setText(f"{clock(second)} / {clock(self.view.seconds)}")

    def _show_play(self) -> None:
        is_on = self.player.is_playing
        words = self.tr("Pause (Space)") if is_on else self.tr("Play (Space)")
        self.play.setIcon(icons.icon("pause" if is_on else "play", self.theme.tokens))
        self.play.setToolTip(words)
        self.play.setAccessibleName(words)

    # -- before and after ------------------------------------------------------------------

    @cached_property
    def panel(self) -> ComparePanel:
        """Options and figures; made when it is first wanted, which takes longer than a frame."""
        panel = ComparePanel()
        panel.hide()
        panel.compute_wanted.connect(
            lambda options: self.context.tasks.spawn(self._compute(options), "compare", self)
        )
        self._middle.addWidget(panel)
        return panel

    async def _compute(self, options: dict[str, Any]) -> None:
        try:
            reading = await self.context.reader.read(
                "compare_audio:compare_audio", self.path, kind=AssetKind.AUDIO, options=options
            )
        except SlateError as error:
            self.panel.show_failure(sentence(str(error)))
            return
        old, self._after = self._after, reading
        result = reading.result
        if self._reading is not None:
            place = self.player.position
            files = [self._reading.folder / "pcm", reading.folder / "pcm"]
            gains = equal_gains(result["before_lufs"], result["after_lufs"])
            self.player.set_tracks(files, gains, self.player.rate)
            self.player.seek(place)
        self.after.setEnabled(True)
        self.panel.show_result(result)
        if old is not None:
            await asyncio.to_thread(old.close)

    # -- making ----------------------------------------------------------------------------

    def _connect(self) -> None:
        self.play.clicked.connect(self._on_play)
        self.loop.toggled.connect(lambda is_on: setattr(self.player, "is_looping", is_on))
        self.spectrum.toggled.connect(self.view.show_spectrum)
        self.compare.toggled.connect(lambda is_on: self.panel.setVisible(is_on))
        self.after.toggled.connect(lambda is_on: self.player.choose(1 if is_on else 0))
        self.volume.valueChanged.connect(lambda value: setattr(self.player, "volume", value / 100))
        self.theme.changed.connect(self._show_play)
        self._show_play()

    def _lay_out(self) -> None:
        page = self._page
        bar = QWidget(page)
        bar.setObjectName("paneBar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(bar)
        row.setContentsMargins(10, 5, 8, 5)
        row.setSpacing(6)
        for widget in (self.play, self.loop, self.clock):
            row.addWidget(widget)
        row.addSpacing(10)
        picture = plain_label()
        set_icon(picture, "volume-2", self.theme)
        row.addWidget(picture)
        row.addWidget(self.volume)
        row.addStretch(1)
        for widget in (self.spectrum, self.after, self.compare):
            row.addWidget(widget)
        middle = self._middle
        middle.setSpacing(0)
        middle.addWidget(self.view, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 3, 12, 3)
        foot.addWidget(self.words)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        self.trouble.setContentsMargins(12, 4, 12, 4)
        column.addWidget(self.trouble)
        column.addLayout(middle, 1)
        column.addLayout(foot)
        page.setFocusProxy(self.view)
