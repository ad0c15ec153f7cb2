"""The model viewer without any server: controls, animations, levels, reference pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from slate_desktop.ui.documents.model.camera import Camera
from slate_desktop.ui.documents.model_document import ModelDocument, switch_distance
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.mouse import move_mouse, pinch, turn_wheel
from tests.gui.preview_files import shared_asset, write_glb, write_png
from tests.gui.references import assert_like, pixels, unlike
from tests.gui.test_documents import offline

__all__ = ["offline"]

DATA = Path(__file__).resolve().parents[1] / "data" / "models"


async def opened(window: MainWindow, path: Path) -> ModelDocument:
    document = window.documents.open_path(path)
    assert isinstance(document, ModelDocument)
    await until(lambda: document.is_loaded)
    assert document.problem is None, document.problem
    await settled(document)
    return document


async def settled(document: ModelDocument) -> None:
    view, controls = document.view, document.controls
    await until(
        lambda: (
            document._shown == (controls.lod.value(), controls.mode.currentData())
            and not document._is_showing
            and view.frame is not None
            and not view.is_busy
        ),
    )


async def test_every_control_changes_the_picture(offline: MainWindow, tmp_path: Path) -> None:
    """One document for all: starting to draw takes longest where software does it."""
    offline.resize(760, 560)
    document = await opened(offline, write_glb(tmp_path / "cube.glb"))
    await animation_plays_and_is_scrubbed(document)
    await modes_and_light_change_the_picture(document)
    await hand_and_keys_move_the_camera(document)
    await killed_process_is_told_and_started_again(document)


async def modes_and_light_change_the_picture(document: ModelDocument) -> None:
    view, controls = document.view, document.controls
    assert document.panel.values["Triangles"] == "12"
    assert document.panel.values["Box"] == "2.00 × 2.00 × 2.00 m"
    shaded = view.frame.copy()
    assert_like(await drawn(document, 120), "cube-shaded")
    for key, mode in (
        (Qt.Key.Key_W, "wireframe"),
        (Qt.Key.Key_N, "normals"),
        (Qt.Key.Key_U, "checker"),
    ):
        QTest.keyClick(view, key)
        assert controls.mode.currentData() == mode
        await settled(document)
        assert unlike(view.frame, shaded) > 0.01, mode
        assert_like(await drawn(document, 120), f"cube-{mode}")
        QTest.keyClick(view, key)
        await settled(document)
        assert unlike(view.frame, shaded) < 0.01, mode
    await figures_are_shown_as_colours(document)
    QTest.keyClick(view, Qt.Key.Key_G)
    await settled(document)
    assert unlike(view.frame, shaded) > 0.002
    controls.light.setValue(5)
    await settled(document)
    assert unlike(view.frame, shaded) > 0.05


async def figures_are_shown_as_colours(document: ModelDocument) -> None:
    """The front of the cube looks along +z, is at z = 1, and sees all of the sky."""
    view, controls, home = document.view, document.controls, document.view.camera
    view.set_camera(home.seen_from("front"))
    for mode, colour in (("normals", (128, 128, 255)), ("light", (255, 255, 255))):
        controls.set_mode(mode)
        await settled(document)
        assert colour_in_the_middle(view.frame) == pytest.approx(colour, abs=3), mode
    controls.set_mode("colours")
    await settled(document)
    view.set_camera(home)
    assert_like(await drawn(document, 120), "cube-colours")
    view.set_camera(home.seen_from("front"))
    await settled(document)
    red, green, blue = colour_in_the_middle(view.frame)
    assert blue > 250
    assert 100 < red < 155
    assert 100 < green < 155
    controls.set_mode("shaded")
    view.set_camera(home)
    await settled(document)


def colour_in_the_middle(image: QImage) -> tuple[int, int, int]:
    red, green, blue = pixels(image)[image.height() // 2, image.width() // 2]
    return int(red), int(green), int(blue)


async def hand_and_keys_move_the_camera(document: ModelDocument) -> None:
    view = document.view
    home = view.camera
    middle = view.rect().center()
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=middle)
    move_mouse(view, middle + QPoint(50, 20), Qt.MouseButton.LeftButton)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=middle + QPoint(50, 20))
    assert view.camera.yaw < home.yaw
    assert view.camera.pitch > home.pitch
    assert view.camera.focal == home.focal
    shift = Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(view, Qt.Key.Key_Left, shift)
    assert view.camera.focal != home.focal
    turn_wheel(view, middle)
    assert view.camera.distance < home.distance
    near = view.camera.distance
    assert pinch(view, middle, 0.25)
    assert view.camera.distance == pytest.approx(near / 1.25)
    QTest.keyClick(view, Qt.Key.Key_F)
    assert (view.camera.focal, view.camera.distance) == home.home
    QTest.keyClick(view, Qt.Key.Key_7)
    assert view.camera.pitch > 1.5
    # Where the window is active, a key of one of its actions would come first.
    view.window().activateWindow()
    view.setFocus()
    await until(view.hasFocus)
    QTest.keyClick(view, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    assert view.camera.position[0] < 0
    document.controls.views["front"].click()
    assert view.camera.position[2] > 1
    await settled(document)
    QTest.mousePress(view, Qt.MouseButton.RightButton, pos=middle)
    focal = view.camera.focal
    QTest.keyPress(view, Qt.Key.Key_W)
    await until(lambda: view.camera.focal != focal)
    QTest.keyRelease(view, Qt.Key.Key_W)
    QTest.mouseRelease(view, Qt.MouseButton.RightButton, pos=middle)
    assert not view._fly.isActive()
    await settled(document)


async def animation_plays_and_is_scrubbed(document: ModelDocument) -> None:
    bar, view = document.animations, document.view
    assert bar.choice.currentText() == "turn"
    first = view.frame.copy()
    bar.scrub.setValue(500)
    assert bar.time_s == pytest.approx(0.5)
    await settled(document)
    assert unlike(view.frame, first) > 0.02
    QTest.keyClick(view, Qt.Key.Key_Space)
    await until(lambda: bar.scrub.value() != 500)
    bar.stop()
    bar.scrub.setValue(0)
    await settled(document)
    assert unlike(view.frame, first) < 0.01


async def test_skinned_model_its_levels_and_uvs_are_shown(offline: MainWindow) -> None:
    offline.resize(760, 560)
    document = await opened(offline, shared_asset("models", "mannequiny.glb"))
    await pictures_are_like_the_references(document)
    controls = document.controls
    assert document.panel.values["Bones"] == "45"
    assert any("non-manifold" in words for words in document.panel.warnings)
    controls.uv.click()
    await until(lambda: document.uvs.is_drawn)
    controls.uv.click()
    controls.make_lods.click()
    await until(lambda: controls.lod.maximum() == 3)
    whole = controls.lod_label.text()
    assert whole.startswith("0: 13,832")
    controls.lod.setValue(3)
    assert int(controls.lod_label.text().split()[1].replace(",", "")) < 5000
    assert " from " in controls.lod_label.text()
    await settled(document)
    assert document.problem is None


async def pictures_are_like_the_references(document: ModelDocument) -> None:
    """Drawn by software; another version of it may shade edges a little differently."""
    for name in ("start", "top"):
        if name == "top":
            QTest.keyClick(document.view, Qt.Key.Key_7)
        await settled(document)
        assert_like(await drawn(document, 240), f"mannequiny-{name}")


async def drawn(document: ModelDocument, side: int) -> QImage:
    """Draw what is shown now in a fixed size."""
    view = document.view
    order = view.order(view.size()) | {"width": side, "height": side}
    # Of the theme's colours, none is part of a model.
    order |= {"background": (0.1, 0.1, 0.1), "grid_colour": (0.4, 0.4, 0.4)}
    assert document._worker is not None
    data, width, height = await document._worker.render(order)
    image = QImage(data, width, height, width * 3, QImage.Format.Format_RGB888)
    return image.flipped(Qt.Orientation.Vertical)


def write_flat_models(folder: Path) -> list[Path]:
    """Write one square of 2 m in every format that is no glTF, upright and facing the front."""
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    write_png(folder / "paint.png", 8, 8)
    (folder / "square.mtl").write_text("newmtl paint\nKd 1 1 1\nmap_Kd paint.png\n")
    lines = ["mtllib square.mtl", *(f"v {x} {y} 0" for x, y in corners)]
    lines += [*(f"vt {(x + 1) / 2} {(y + 1) / 2}" for x, y in corners), "vn 0 0 1"]
    lines += ["usemtl paint", "f 1/1/1 2/2/1 3/3/1", "f 1/1/1 3/3/1 4/4/1"]
    (folder / "square.obj").write_text("\n".join(lines))
    # These have z up, and their front looks along -y.
    facets = ""
    for face in ((0, 1, 2), (0, 2, 3)):
        points = "".join(f"vertex {corners[n][0]} 0 {corners[n][1]}\n" for n in face)
        facets += f"facet normal 0 -1 0\nouter loop\n{points}endloop\nendfacet\n"
    (folder / "square.stl").write_text(f"solid square\n{facets}endsolid square\n")
    header = "ply\nformat ascii 1.0\nelement vertex 4\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz")
    header += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue"))
    header += "element face 2\nproperty list uchar int vertex_indices\nend_header\n"
    points = "".join(f"{x} 0 {y} 200 40 20\n" for x, y in corners)
    (folder / "square.ply").write_text(f"{header}{points}3 0 1 2\n3 0 2 3\n")
    shutil.copy(DATA / "quad.fbx", folder / "square.fbx")
    return [folder / f"square.{suffix}" for suffix in ("obj", "stl", "ply", "fbx")]


async def test_every_format_is_drawn_and_painted(offline: MainWindow, tmp_path: Path) -> None:
    offline.resize(700, 520)
    for path in write_flat_models(tmp_path):
        document = await opened(offline, path)
        await flat_model_is_shown(document)
        await offline.documents.close_document(document)


async def flat_model_is_shown(document: ModelDocument) -> None:
    view, controls, suffix = document.view, document.controls, document.path.suffix
    controls.grid.setChecked(False)
    view.set_camera(view.camera.seen_from("front"))
    await settled(document)
    assert document.panel.values["Triangles"] == "2", suffix
    middle = np.array(colour_in_the_middle(view.frame))
    assert np.abs(middle - pixels(view.frame)[2, 2]).max() > 30, suffix
    if suffix == ".obj":  # the texture's blue shows: its material was found
        assert middle[2] > middle[0] + 20
        assert document.panel.values["Textures"] == "1"
    if suffix == ".ply":
        controls.set_mode("colours")
        await settled(document)
        assert colour_in_the_middle(view.frame) == pytest.approx((200, 40, 20), abs=3)
    controls.set_mode("normals")
    await settled(document)
    facing = (128, 0, 128) if suffix in (".stl", ".ply") else (128, 128, 255)
    assert colour_in_the_middle(view.frame) == pytest.approx(facing, abs=3), suffix
    if suffix == ".stl":
        controls.set_mode("colours")
        await until(lambda: controls.mode.currentData() == "shaded")
        assert "no vertex colours" in document.words.text()
        controls.uv.click()
        await until(lambda: "no UVs" in document.words.text())


async def test_hostile_model_is_told_and_the_window_lives(
    offline: MainWindow, tmp_path: Path
) -> None:
    path = tmp_path / "evil.gltf"
    secret = tmp_path.parent / "secret.bin"
    secret.write_bytes(b"x" * 64)
    path.write_text(
        '{"asset":{"version":"2.0"},"buffers":[{"uri":"../secret.bin","byteLength":64}]}'
    )
    document = offline.documents.open_path(path)
    await until(lambda: document.is_loaded)
    assert document.problem is not None
    glb = tmp_path / "lie.glb"
    glb.write_bytes(b"glTF\x02\0\0\0\xff\xff\xff\xff")
    document = offline.documents.open_path(glb)
    await until(lambda: document.is_loaded)
    assert document.problem is not None


async def killed_process_is_told_and_started_again(document: ModelDocument) -> None:
    assert document._worker is not None
    document._worker._kill()
    document.view.refresh()
    await until(lambda: document.problem is not None)
    assert "process" in document.problem.why
    document._trouble.again.click()
    await until(lambda: document.problem is None and document._worker.is_alive)
    await settled(document)


def test_camera_looks_at_the_sides_and_keeps_its_up() -> None:
    camera = Camera(home=((1.0, 2.0, 3.0), 10.0)).seen_from("front")
    assert camera.position == pytest.approx((1.0, 2.0, 13.0))
    assert camera.seen_from("right").position == pytest.approx((11.0, 2.0, 3.0))
    z_up = Camera(up="z", home=((0.0, 0.0, 0.0), 10.0))
    assert z_up.seen_from("front").position == pytest.approx((0.0, -10.0, 0.0))
    assert z_up.seen_from("right").position == pytest.approx((10.0, 0.0, 0.0))
    for up in ("y", "z"):
        moved = Camera(up=up, home=((0.0, 0.0, 0.0), 5.0)).seen_from("front").panned(0, 10, 100)
        assert moved.focal["xyz".index(up)] > 0
    assert switch_distance(0.01) == pytest.approx(9.35, abs=0.01)
