"""The audio viewer without any server: peaks, spectrogram, levels, playing, before and after."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from slate_desktop.ui.documents.audio.compare import equal_gains
from slate_desktop.ui.documents.audio.player import Player
from slate_desktop.ui.documents.audio.ruler import clock, height, steps
from slate_desktop.ui.documents.audio.wave_view import WaveView
from slate_desktop.ui.documents.audio_document import AudioDocument
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.mouse import turn_wheel
from tests.gui.preview_files import write_wav
from tests.gui.references import assert_like, small
from tests.gui.test_documents import offline

__all__ = ["offline"]


async def opened(window: MainWindow, path: Path) -> AudioDocument:
    document = window.documents.open_path(path)
    assert isinstance(document, AudioDocument)
    # Plays in real time into nothing: test machines have no sound.
    document.player = Player(backends=("NULL",))
    await until(lambda: document.is_loaded)
    assert document.problem is None, document.problem
    await until(lambda: document.levels)
    return document


async def test_sound_is_drawn_measured_played_and_scrubbed(
    offline: MainWindow, tmp_path: Path
) -> None:
    document = await opened(offline, write_wav(tmp_path / "tone.wav", 12, 0.5))
    view, player = document.view, document.player
    assert view.seconds == pytest.approx(12, abs=0.001)
    assert "22,050 Hz" in document.words.text()
    await until(lambda: "-6.0 dBTP" in document.words.text())
    assert "clipped" not in document.words.text()
    assert view._peaks.max() == pytest.approx(0.5, abs=0.01)
    assert_like(below_ruler(view), "sound-waveform")
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(view.width() // 3, 60))
    assert player.position == pytest.approx(4 * 22_050, abs=2000)
    assert document.clock.text().startswith("0:0")
    QTest.keyClick(view, Qt.Key.Key_Space)
    await until(lambda: player.is_playing)
    await until(lambda: player.position > 4.2 * 22_050)
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert not player.is_playing
    document.loop.click()
    player.seek(player.frames - 500)
    document.play.click()
    await until(lambda: player.is_playing and 0 < player.position < player.frames // 2)
    document.play.click()
    document.volume.setValue(30)
    assert player.volume == pytest.approx(0.3)
    QTest.keyClick(view, Qt.Key.Key_S)
    assert view.is_spectrum
    player.seek(0)
    document._show_clock()
    assert_like(below_ruler(view), "sound-spectrum")
    turn_wheel(view, QPoint(view.width() // 2, 60), 3)
    assert view.span < view.seconds
    QTest.keyClick(view, Qt.Key.Key_0)
    assert view.span == pytest.approx(view.seconds)
    QTest.keyClick(view, Qt.Key.Key_End)
    assert view.position == pytest.approx(view.seconds, abs=0.001)


def below_ruler(view: WaveView) -> QImage:
    """Return what is drawn of the sound: the words above it are the font's business."""
    whole, top = view.grab().toImage(), height(view.fontMetrics()) + 4
    return small(whole.copy(8, top, whole.width() - 8, whole.height() - top), 200, 100)


async def test_clipping_is_marked(offline: MainWindow, tmp_path: Path) -> None:
    document = await opened(offline, write_wav(tmp_path / "loud.wav", seconds=0.2, level=1.5))
    assert "clipped" in document.words.text()
    assert document.view._clips


async def test_before_and_after_are_heard_equally_loud(offline: MainWindow, tmp_path: Path) -> None:
    document = await opened(offline, write_wav(tmp_path / "quiet.wav", level=0.1))
    document.compare.click()
    document.panel.form.set_value("normalize", "loudness")
    document.panel.form.set_value("format", "wav")
    document.panel.compute.click()
    await until(lambda: document.after.isEnabled())
    assert "-16.0 LUFS" in document.panel.figures.values["After"]
    before, after = document.player._gains
    assert before == 1.0
    assert after < 0.7
    document.player.seek(4000)
    QTest.keyClick(document.view, Qt.Key.Key_X)
    assert document.player.track == 1
    assert document.player.position == 4000
    document.panel.form.set_value("bitrate", "1")
    assert document.panel.form.error.text()


async def test_machine_without_sound_says_so(offline: MainWindow, tmp_path: Path) -> None:
    document = await opened(offline, write_wav(tmp_path / "tone.wav", seconds=0.2))
    document.player._backend_names = ("JACK",)
    document.play.click()
    await until(lambda: document.trouble.isVisibleTo(offline))
    assert "no audio device" in document.trouble.text()
    assert not document.player.is_playing


async def test_hostile_sound_is_told(offline: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "list.wav"
    path.write_text("#EXTM3U\nfile:///etc/passwd\n")
    document = offline.documents.open_path(path)
    await until(lambda: document.is_loaded)
    assert document.problem is not None


def test_gains_and_clock() -> None:
    assert equal_gains(-10.0, -16.0) == pytest.approx([0.501, 1.0], abs=0.001)
    assert equal_gains(None, -16.0) == [1.0, 1.0]
    assert clock(83.456) == "1:23.46"
    assert clock(5, 1) == "0:05"
    assert clock(3600, 1) == "1:00:00"
    assert clock(4205.25) == "1:10:05.25"
    # Rounding goes over to the next minute and hour.
    assert clock(59.999) == "1:00.00"
    assert clock(3599.6, 1) == "1:00:00"


@pytest.mark.parametrize(
    ("start", "span", "width", "time", "tick"),
    [
        (0, 0.8, 600, 0.1, 0.01),
        (0, 12, 600, 1, 0.2),
        (0, 215, 600, 30, 5),
        (0, 215, 2000, 5, 1),
        (0, 4200, 600, 600, 60),
        (4000, 0.02, 600, 0.005, 0.001),
        (0, 90_000, 600, 18_000, 1800),
        (0, 1e12, 600, 3.6e11, 3.6e11),
    ],
)
def test_times_of_the_ruler_are_round_and_never_touch(
    start: float, span: float, width: int, time: float, tick: float
) -> None:
    letter = 8
    found = steps(start, span, width, lambda text: letter * len(text))
    assert found == (pytest.approx(time), pytest.approx(tick))
    room = found.time / span * width
    assert room >= letter * len(clock(start + span, found.time)) + 14


async def test_the_ruler_says_seconds_and_then_their_parts_where_it_is_zoomed(
    offline: MainWindow, tmp_path: Path
) -> None:
    document = await opened(offline, write_wav(tmp_path / "tone.wav", 12, 0.5))
    view, found = document.view, []
    for _ in range(3):
        advance = view.fontMetrics().horizontalAdvance
        found.append(steps(view.start, view.span, view.width(), advance).time)
        for _ in range(10):
            QTest.keyClick(view, Qt.Key.Key_Plus)
    assert found[0] in (1, 2)
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.1


@pytest.mark.parametrize("theme_name", ["dark", "light"])
async def test_the_ruler_grows_with_the_text(
    offline: MainWindow, tmp_path: Path, theme_name: str
) -> None:
    document = await opened(offline, write_wav(tmp_path / "tone.wav", 12, 0.5))
    view, theme = document.view, offline.theme
    theme.set_choice(theme_name)
    low = height(view.fontMetrics())
    for _ in range(3):
        QTest.keyClick(offline, Qt.Key.Key_Equal, Qt.KeyboardModifier.ControlModifier)
    assert theme.zoom == 1.5
    await until(lambda: height(view.fontMetrics()) > low * 1.3)
    high = height(view.fontMetrics())
    picture = view.grab().toImage()
    ground = theme.tokens.color("surface.panel").rgb()
    columns = range(6, picture.width())  # behind the mark of the place that plays
    rows = [sum(picture.pixel(x, y) != ground for x in columns) for y in range(high)]
    # Nothing of the words is cut above, and below there are ticks alone.
    assert rows[0] == rows[1] == 0
    assert max(rows) == rows[-1] == len(columns)
    assert sum(rows[2:-10]) > 200
