"""The asset browser without any server: pictures, filters, selection, options, quick look."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from slate_desktop.control.asset_choices import AssetChoices
from slate_desktop.control.asset_index import AssetEntry
from slate_desktop.ui.assets.browser import AssetBrowser
from slate_desktop.ui.assets.cell import broken
from slate_desktop.ui.assets.grid import AssetGrid
from slate_desktop.ui.assets.list_model import AssetListModel
from slate_desktop.ui.assets.thumbnails import Thumbnail, clear_out, content_hash
from slate_desktop.ui.documents.texture_document import TextureDocument
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.flashes import windows_shown
from tests.gui.preview_files import write_glb, write_png, write_wav
from tests.gui.test_documents import offline
from tests.services import pictures

__all__ = ["offline"]


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    root = tmp_path / "assets"
    (root / "textures").mkdir(parents=True)
    write_png(root / "textures" / "rock2.png", 64, 32)
    write_png(root / "textures" / "rock10.png", 32, 32)
    (root / "textures" / "evil.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    write_wav(root / "tone.wav", 0.3)
    (root / "scene.blend").write_bytes(b"BLENDER")
    return root


class Nothing(QObject):
    """Makes no pictures."""

    ready = Signal(str)

    def get(self, _root: Path, _entry: AssetEntry) -> Thumbnail:
        return Thumbnail()


async def browser_of(window: MainWindow, root: Path, count: int) -> AssetBrowser:
    await window.document_commands.open_path(root)
    window.docks.docks["assets"].raise_()
    await until(lambda: window.assets.browser is not None)
    browser = window.assets.browser
    assert browser is not None
    await until(lambda: browser.model.rowCount() == count)
    return browser


def names(browser: AssetBrowser) -> list[str]:
    return [entry.name for entry in browser.model.entries]


def entry_of(browser: AssetBrowser, name: str) -> AssetEntry:
    return next(entry for entry in browser.entries if entry.name == name)


async def thumbnail(browser: AssetBrowser, name: str):
    entry = entry_of(browser, name)
    assert browser.root is not None
    await until(lambda: browser.thumbnails.get(browser.root, entry) is not None)
    return browser.thumbnails.get(browser.root, entry)


async def test_the_pane_is_made_inside_of_the_window(offline: MainWindow, assets: Path) -> None:
    with windows_shown() as shown:
        await browser_of(offline, assets, 5)
    assert shown == []


async def test_pictures_filters_order_and_states(offline: MainWindow, assets: Path) -> None:
    browser = await browser_of(offline, assets, 5)
    assert names(browser) == ["evil.png", "rock2.png", "rock10.png", "scene.blend", "tone.wav"]
    assert browser.bar.chips["texture"].text() == "Textures  3"
    rock = await thumbnail(browser, "rock2.png")
    assert (rock.pixmap.width(), rock.pixmap.height()) == (64, 32)
    assert rock.words == "64 × 32"
    tone = await thumbnail(browser, "tone.wav")
    assert tone.is_mask
    evil = await thumbnail(browser, "evil.png")
    assert evil.pixmap is None
    assert evil.problem
    assert browser.state_of(entry_of(browser, "evil.png")) == "failed"
    browser.bar.chips["audio"].click()
    await until(lambda: names(browser) == ["tone.wav"])
    browser.bar.chips["audio"].click()
    browser.bar.field.setText("rock textures/")
    await until(lambda: names(browser) == ["rock2.png", "rock10.png"])
    browser.bar.order.setCurrentIndex(browser.bar.order.findData("size"))
    await until(lambda: names(browser)[0] != "rock10.png")
    browser.bar.field.clear()
    browser.bar.state.setCurrentIndex(browser.bar.state.findData("failed"))
    await until(lambda: names(browser) == ["evil.png"])
    browser.bar.state.setCurrentIndex(browser.bar.state.findData("unsupported"))
    await until(lambda: names(browser) == ["scene.blend"])
    browser.bar.field.setText("nothing like this")
    await until(lambda: browser.nothing.isVisibleTo(offline))


async def test_hostile_files_get_a_sober_icon_and_a_reason(
    offline: MainWindow, tmp_path: Path
) -> None:
    """Rows of bad-input.md as somebody meets them who opens a downloaded folder."""
    root = tmp_path / "downloads"
    root.mkdir()
    bomb = pictures.chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000), 9))
    hostile = {
        "huge.png": (pictures.png(20_000, 20_000, data=b""), ""),
        "bomb.png": (pictures.png(4, 4, bomb), "unpacks to more"),
        "page.png": (b"<html><body>hello</body></html>", "HTML"),
        "cut.glb": (b"glTF\x02\0\0\0\xff\xff\xff\xff", ""),
        "spy.gltf": (b'{"asset":{"version":"2.0"},"buffers":[{"uri":"../x","byteLength":9}]}', ""),
        "lie.stl": (bytes(80) + b"\xff\xff\xff\x7f" + bytes(50), ""),
        "list.wav": (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", ""),
        "empty.ogg": (b"", "empty"),
    }
    for name, (data, _reason) in hostile.items():
        (root / name).write_bytes(data)
    write_png(root / "good.png")
    browser = await browser_of(offline, root, len(hostile) + 1)
    for name, (_data, reason) in hostile.items():
        known = await thumbnail(browser, name)
        assert known.pixmap is None, name
        assert reason in known.problem, (name, known.problem)
        assert known.problem.endswith("."), name
        assert browser.state_of(entry_of(browser, name)) == "failed", name
    assert (await thumbnail(browser, "good.png")).pixmap is not None
    shown = offline.grab().toImage()
    assert not shown.isNull()
    index = browser.model.index(browser.model.row_of("bomb.png"))
    assert "unpacks to more" in browser.model.data(index, Qt.ItemDataRole.ToolTipRole)
    browser.grid.opened.emit(index)
    document = offline.documents.current
    assert document is not None
    await until(lambda: document.is_loaded)
    assert document.problem is not None
    assert "unpacks to more" in document.problem.why


async def test_keys_walk_open_and_look(offline: MainWindow, assets: Path) -> None:
    browser = await browser_of(offline, assets, 5)
    grid = browser.grid
    grid.setFocus()
    grid.setCurrentIndex(browser.model.index(0))
    QTest.keyClick(grid, Qt.Key.Key_Right)
    assert grid.currentIndex().row() == 1
    QTest.keyClick(grid, Qt.Key.Key_End)
    assert grid.currentIndex().row() == 4
    QTest.keyClick(grid, Qt.Key.Key_Home)
    QTest.keyClick(grid, Qt.Key.Key_Right)
    QTest.keyClick(grid, Qt.Key.Key_Space)
    look = browser._look
    assert look is not None
    await until(lambda: isinstance(look.document, TextureDocument) and look.document.is_loaded)
    QTest.keyClick(look, Qt.Key.Key_Right)
    await until(lambda: look.document.path.name == "rock10.png" and look.document.is_loaded)
    QTest.keyClick(look, Qt.Key.Key_Space)
    assert not look.isVisible()
    QTest.keyClick(grid, Qt.Key.Key_Return)
    await until(lambda: isinstance(offline.documents.current, TextureDocument))
    browser.bar.as_list.click()
    assert grid.columns == 1
    QTest.keyClick(grid, Qt.Key.Key_Down)
    assert grid.currentIndex().row() == 3
    assert not grid.grab().isNull()
    browser.bar.as_list.click()
    browser.bar.side.setValue(200)
    assert grid.side == 200


async def test_options_of_many_are_chosen_at_once(offline: MainWindow, assets: Path) -> None:
    browser = await browser_of(offline, assets, 5)
    browser.bar.options.click()
    browser.bar.chips["texture"].click()
    await until(lambda: browser.model.rowCount() == 3)
    browser.grid.selectAll()
    form = browser.panel.form
    assert form is not None
    form.set_value("quality", "101")
    assert not browser.panel.apply.isEnabled()
    form.set_value("quality", "77")
    form.set_value("compression", "bc7")
    browser.panel.apply.click()
    file = assets / ".slate" / "assets.toml"
    await until(file.exists)
    await until(lambda: browser.state_of(entry_of(browser, "rock2.png")) == "own options")
    kept = AssetChoices(assets)
    kept.load()
    assert kept.chosen("textures/rock10.png") == {"compression": "bc7", "quality": 77}
    browser.panel.reset.click()
    await until(lambda: browser.state_of(entry_of(browser, "rock2.png")) == "")
    browser.bar.chips["texture"].click()
    await until(lambda: browser.model.rowCount() == 5)
    browser.grid.selectAll()
    assert browser.panel.form is None


async def test_files_are_dragged_out_as_uris(offline: MainWindow, assets: Path) -> None:
    browser = await browser_of(offline, assets, 5)
    data = browser.model.mimeData([browser.model.index(1), browser.model.index(4)])
    assert data.hasFormat("text/uri-list")
    assert [url.toLocalFile() for url in data.urls()] == [
        str(assets / "textures" / "rock2.png"),
        str(assets / "tone.wav"),
    ]


async def test_picture_is_kept_by_content_and_a_changed_file_gets_another(
    offline: MainWindow, assets: Path, tmp_path: Path
) -> None:
    browser = await browser_of(offline, assets, 5)
    await thumbnail(browser, "rock10.png")
    digest = content_hash(assets / "textures" / "rock10.png")
    kept = tmp_path / "cache" / "thumbnails" / digest[:2]
    assert [file.name for file in kept.iterdir()] == [f"{digest}-1.png"]
    write_png(assets / "textures" / "rock10.png", 100, 20)
    browser.refresh()
    await until(lambda: not browser._is_scanning)
    assert (await thumbnail(browser, "rock10.png")).words == "100 × 20"
    assert clear_out() == 0


async def test_model_has_a_picture(offline: MainWindow, tmp_path: Path) -> None:
    root = tmp_path / "models"
    root.mkdir()
    write_glb(root / "cube.glb")
    (root / "evil.glb").write_bytes(b"glTF" + bytes(30))
    browser = await browser_of(offline, root, 2)
    cube = await thumbnail(browser, "cube.glb")
    assert cube.words == "12 tris"
    image = cube.pixmap.toImage()
    assert image.pixelColor(128, 128) != image.pixelColor(2, 2)
    assert (await thumbnail(browser, "evil.glb")).problem


async def test_fifty_thousand_assets_need_only_what_is_in_sight(
    offline: MainWindow, tmp_path: Path
) -> None:
    root = tmp_path / "many"
    root.mkdir()
    (root / "a.png").write_bytes(b"x")
    browser = await browser_of(offline, root, 1)
    browser.entries = [AssetEntry(f"f{n}.blend", "unsupported", n, n) for n in range(50_000)]
    browser.model.set_entries(root, browser.entries)
    grid = browser.grid
    asked: list[int] = []
    paint = grid._cells.paint
    grid._cells.paint = lambda p, rect, row, *a, **k: (
        asked.append(row) or paint(p, rect, row, *a, **k)
    )
    bar = grid.verticalScrollBar()
    bar.setValue(bar.maximum())
    QApplication.sendPostedEvents()
    grid.viewport().repaint()
    assert max(asked) == 49_999
    assert len(set(asked)) < 300
    grid.setCurrentIndex(browser.model.index(25_000))
    assert grid.viewport().rect().intersects(grid.visualRect(grid.currentIndex()))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("rock.png", ("rock.png", "")),
        ("dutch_ship_hull_diff_1k.jpg", ("dutch_ship_", "hull_diff_1k.jpg")),
        ("unbrokenlongname.png", ("unbrokenlong", "name.png")),
        ("a-bcdefghijklmnopq", ("a-bcdefghijk", "lmnopq")),
        ("a long name.png", ("a long", "name.png")),
    ],
)
def test_a_long_name_takes_a_second_line(name: str, lines: tuple[str, str]) -> None:
    assert broken(name, 12, len) == lines


def test_grid_answers_qt_while_it_is_made(theme: Theme, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an override raises inside of Qt frees a method too often and crashes much later."""
    raised: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: raised.append(error))
    model = AssetListModel(Nothing(), lambda _entry: "", theme)
    grid = AssetGrid(model, theme)
    assert raised == []
    assert grid.indexAt(QPoint(0, 0)).row() == -1
    assert grid.columns >= 1
    grid.deleteLater()


def test_links_and_pipes_have_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    os.mkfifo(tmp_path / "c.png")
    for name in ("b.png", "c.png"):
        with pytest.raises(Exception, match="regular"):
            content_hash(tmp_path / name)
