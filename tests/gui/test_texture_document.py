"""The texture viewer in a window without any server: every control, and what it then shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from slate_desktop.pipeline.preview.shading import Channel
from slate_desktop.ui.documents.texture.comparing import CompareMode
from slate_desktop.ui.documents.texture_document import TextureDocument
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.mouse import move_mouse, pinch, turn_wheel
from tests.gui.preview_files import write_png
from tests.gui.references import assert_like, middle_of
from tests.gui.test_documents import offline

__all__ = ["offline"]


async def opened(window: MainWindow, path: Path) -> TextureDocument:
    document = window.documents.open_path(path)
    assert isinstance(document, TextureDocument)
    await until(lambda: document.is_loaded)
    assert document.problem is None, document.problem
    # Texels and the checker lie elsewhere on the pixels where the panes leave another room.
    document.view.setFixedSize(384, 288)
    await settled(document)
    return document


async def settled(document: TextureDocument) -> None:
    view = document.view
    await until(lambda: view._pictures and not view._is_running and not view._is_stale)


def colour_at(document: TextureDocument, x: float, y: float) -> tuple[int, int, int]:
    """Return what the widget shows at a texel."""
    view = document.view
    place = (QPointF(x, y) - view.centre) * view.zoom + QPointF(view.rect().center())
    colour: QColor = view.grab().toImage().pixelColor(place.toPoint())
    return colour.red(), colour.green(), colour.blue()


async def test_texture_shows_its_texels_channels_and_alpha(
    offline: MainWindow, tmp_path: Path
) -> None:
    document = await opened(offline, write_png(tmp_path / "a.png"))
    view, controls = document.view, document.controls
    view.set_zoom(8.0)
    view.centre = QPointF(32, 24)
    view.refresh()
    await settled(document)
    assert colour_at(document, 10.5, 20.5) == (10, 20, 200)
    assert_like(middle_of(view), "texture-alpha-over-checker", share=0)
    for key, shown in (
        (Qt.Key.Key_R, (10, 10, 10)),
        (Qt.Key.Key_G, (20, 20, 20)),
        (Qt.Key.Key_B, (200, 200, 200)),
        (Qt.Key.Key_A, (255, 255, 255)),
    ):
        QTest.keyClick(view, key)
        await settled(document)
        assert colour_at(document, 10.5, 20.5) == shown
    QTest.keyClick(view, Qt.Key.Key_L)
    assert controls.look.channel is Channel.LUMINANCE
    controls.channel_buttons[Channel.RGBA].click()
    controls.ground.setCurrentIndex(controls.ground.findData("black"))
    await settled(document)
    # A quarter of alpha over black.
    assert abs(colour_at(document, 50.5, 20.5)[2] - 50) <= 1
    controls.channel_buttons[Channel.RGB].click()
    await settled(document)
    assert colour_at(document, 50.5, 20.5) == (50, 20, 200)
    assert "GPU" in document.words.text()


async def test_wheel_keys_and_drag_move_the_view_and_the_texel_is_told(
    offline: MainWindow, tmp_path: Path
) -> None:
    document = await opened(offline, write_png(tmp_path / "a.png", 512, 512))
    view, controls = document.view, document.controls
    fitted = view.zoom
    at = QPoint(view.width() // 3, view.height() // 3)
    texel = view.to_texel(QPointF(at))
    turn_wheel(view, at)
    assert view.zoom > fitted
    assert (view.to_texel(QPointF(at)) - texel).manhattanLength() < 0.01
    controls.actual.click()
    assert view.zoom == 1.0
    assert controls.zoom_label.text() == "100 %"
    before = view.centre.x()
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.centre.x() == pytest.approx(before + 40)
    middle = view.rect().center()
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=middle)
    move_mouse(view, middle + QPoint(30, 0), Qt.MouseButton.LeftButton)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=middle + QPoint(30, 0))
    assert view.centre.x() == pytest.approx(before + 10)
    place = view.to_texel(QPointF(middle))
    move_mouse(view, middle)
    x, y = (int(part.strip(",")) for part in document.texel.text().split()[:2])
    assert abs(x - place.x()) <= 1
    assert abs(y - place.y()) <= 1
    assert f"#{x % 256:02x}{y % 256:02x}c8" in document.texel.text()
    QTest.keyClick(view, Qt.Key.Key_0)
    assert view.zoom == pytest.approx(fitted)
    await settled(document)


async def test_pinching_zooms_at_the_fingers(offline: MainWindow, tmp_path: Path) -> None:
    document = await opened(offline, write_png(tmp_path / "a.png", 512, 512))
    view = document.view
    fitted, at = view.zoom, QPoint(view.width() // 4, view.height() // 3)
    texel = view.to_texel(QPointF(at))
    assert pinch(view, at, 0.5)
    assert view.zoom == pytest.approx(fitted * 1.5)
    assert (view.to_texel(QPointF(at)) - texel).manhattanLength() < 0.01
    pinch(view, at, -0.2)
    assert view.zoom == pytest.approx(fitted * 1.2)
    # What a driver says is never turned into a zoom of nothing.
    pinch(view, at, -3.0)
    assert 0 < view.zoom < fitted
    await settled(document)


async def test_mips_exposure_tiles_and_normals(offline: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "n.png"
    texels = np.full((32, 32, 3), (128, 128, 255), np.uint8)
    texels[:, 16:] = (218, 128, 218)
    Image.fromarray(texels).save(path)
    document = await opened(offline, path)
    view, controls = document.view, document.controls
    assert controls.mip.maximum() == 5
    controls.mip.setValue(5)
    assert controls.mip_label.text() == "5: 1 × 1"
    await settled(document)
    assert colour_at(document, 2.5, 2.5) == colour_at(document, 30.5, 30.5)
    QTest.keyClick(view, Qt.Key.Key_BracketLeft)
    assert controls.mip.value() == 4
    controls.mip.setValue(-1)
    controls.exposure.setValue(4)
    assert controls.exposure_label.text() == "+1.00 EV"
    await settled(document)
    assert colour_at(document, 4.5, 4.5) == (176, 176, 255)
    controls.exposure.setValue(0)
    QTest.keyClick(view, Qt.Key.Key_N)
    await settled(document)
    flat, right = colour_at(document, 4.5, 4.5), colour_at(document, 28.5, 4.5)
    assert flat[0] == flat[1] == flat[2]
    assert flat[0] > right[0]
    view.set_zoom(4.0)
    await settled(document)
    assert_like(middle_of(view), "texture-normals")
    assert controls.green.isEnabled()
    controls.green.click()
    QTest.keyClick(view, Qt.Key.Key_N)
    QTest.keyClick(view, Qt.Key.Key_T)
    view.set_zoom(4.0)
    await settled(document)
    assert colour_at(document, 4.5, 4.5) == colour_at(document, 36.5, 36.5)
    assert_like(middle_of(view), "texture-tiles")


async def test_grid_is_drawn_when_texels_are_large(offline: MainWindow, tmp_path: Path) -> None:
    document = await opened(offline, write_png(tmp_path / "a.png"))
    view = document.view
    view.set_zoom(16.0)
    await settled(document)
    image = view.grab().toImage()
    row = [image.pixelColor(x, view.height() // 2).rgb() for x in range(60, 120)]
    view.set_zoom(4.0)
    await settled(document)
    assert len(set(row)) > 60 / 16 + 2


async def test_compare_shows_figures_and_every_way_to_look(
    offline: MainWindow, tmp_path: Path
) -> None:
    document = await opened(offline, write_png(tmp_path / "a.png", 128, 128))
    view, panel = document.view, document.panel
    document.controls.compare.click()
    await until(lambda: view.other is not None)
    assert panel.figures.values["PSNR"].endswith("dB")
    assert float(panel.figures.values["SSIM"]) > 0.9
    assert panel.figures.values["VRAM"]
    panel.form.set_value("compression", "bc1")
    assert "Changed" in panel.state.text()
    panel.compute.click()
    await until(lambda: "bc1" in panel.state.text())
    for mode in CompareMode:
        panel.mode_buttons[mode].click()
        await settled(document)
        assert view.mode is mode
    # Equal texels make no difference: most of the picture is nearly black.
    panel.mode_buttons[CompareMode.DIFFERENCE].click()
    await settled(document)
    assert len(view._pictures) == 1
    assert_like(middle_of(view), "texture-difference")
    panel.mode_buttons[CompareMode.WIPE].click()
    await settled(document)
    edge = QPoint(view.width() // 2, 20)
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=edge)
    move_mouse(view, edge + QPoint(60, 0), Qt.MouseButton.LeftButton)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=edge + QPoint(60, 0))
    assert view.wipe > 0.5
    panel.form.set_value("quality", "900")
    assert panel.form.error.text()
    assert not panel.compute.isEnabled()
    document.controls.compare.click()
    assert view.other is None


async def test_changed_file_is_read_again(offline: MainWindow, tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png")
    document = await opened(offline, path)
    write_png(path, 16, 16)
    await until(lambda: document.view.levels and document.view.levels.width == 16)


async def test_hostile_texture_is_told_and_the_window_lives(
    offline: MainWindow, tmp_path: Path
) -> None:
    path = tmp_path / "evil.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    document = offline.documents.open_path(path)
    await until(lambda: document.is_loaded)
    assert document.problem is not None
    assert document.problem.why
    write_png(path)
    document._trouble.again.click()
    await until(lambda: document.problem is None and document.view.levels is not None)
