"""Tabs of documents: opened from the tree, moved, pinned, closed, brought back; text and bytes."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTabBar, QToolButton

from slate_desktop.control import tree
from slate_desktop.errors import StackError
from slate_desktop.ui import app as app_module
from slate_desktop.ui.documents.closing import SaveQuestion
from slate_desktop.ui.documents.hex_document import HexDocument
from slate_desktop.ui.documents.kinds import preload
from slate_desktop.ui.documents.text_document import TextDocument
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import WindowState
from tests.gui.conftest import until
from tests.gui.flashes import windows_shown

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
async def offline(theme: Theme, tmp_path: Path) -> AsyncIterator[MainWindow]:
    """A window whose servers cannot be reached."""

    async def connect(_on_step: object) -> object:
        raise StackError("Nothing answers.")

    window = MainWindow(theme, WindowState(), connect)  # type: ignore[arg-type]
    window.resize(1200, 800)
    window.build()
    window.show()
    window.tasks.spawn(window.workspace.run(), "workspace", window)
    await until(lambda: window.start_page.banner.isVisibleTo(window))
    yield window
    await app_module.shut_down(window)
    window.close_for_good()
    assert window.tasks.names == []
    window.hide()
    window.deleteLater()
    await asyncio.sleep(0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "game"
    root.mkdir()
    (root / "player.gd").write_text("extends Node\n\nfunc _ready():\n\tprint('hi')\n")
    (root / "notes.txt").write_text("one\ntwo\n")
    (root / "data.bin").write_bytes(bytes(range(256)) * 40)
    return root


async def text_of(window: MainWindow, path: Path) -> TextDocument:
    document = window.documents.open_path(path)
    assert isinstance(document, TextDocument)
    await until(lambda: document.is_loaded)
    return document


async def test_folder_opens_in_the_tree_and_its_files_in_tabs_without_any_server(
    offline: MainWindow, folder: Path
) -> None:
    await offline.document_commands.open_path(folder)
    view, model = offline.projects.view, offline.projects.model
    item = model.items[0]
    await until(lambda: item.tree is not None and len(item.tree.root.children) == 3)
    node = next(n for n in item.tree.root.children if n.name == "notes.txt")
    view.show_node(node)
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Return)
    document = offline.documents.current
    assert isinstance(document, TextDocument)
    await until(lambda: document.is_loaded)
    assert document.editor.toPlainText() == "one\ntwo\n"
    view.show_node(next(n for n in item.tree.root.children if n.name == "data.bin"))
    place = view.visualRect(view.currentIndex()).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    await until(lambda: isinstance(offline.documents.current, HexDocument))
    assert not offline.registry["session.start"].isEnabled()
    offline.commands._window.workspace.close_folder(item.project.id)
    assert model.items == []


async def test_path_that_is_not_there_is_told(offline: MainWindow, tmp_path: Path) -> None:
    await offline.document_commands.open_path(tmp_path / "gone")
    assert offline.documents.current is None
    assert offline.details.banner.problem is not None


async def test_tabs_move_pin_and_close(offline: MainWindow, folder: Path) -> None:
    area = offline.documents
    first = await text_of(offline, folder / "player.gd")
    second = await text_of(offline, folder / "notes.txt")
    assert area.open_path(folder / "player.gd") is first
    area.tabBar().moveTab(2, 0)
    assert area.indexOf(second) == 1
    offline.registry["document.pin"].trigger()
    assert area.is_pinned(first)
    assert area.indexOf(first) == 1
    area.tabBar().moveTab(2, 1)
    assert area.indexOf(first) == 1
    area.setCurrentWidget(second)
    offline.registry["document.close_others"].trigger()
    await until(lambda: area.count() == 3)
    button = area.tabBar().tabButton(area.indexOf(second), QTabBar.ButtonPosition.RightSide)
    assert isinstance(button, QToolButton)
    button.click()
    await until(lambda: area.documents == [first])
    offline.registry["document.previous"].trigger()
    assert area.current is None
    assert not offline.registry["document.close"].isEnabled()


async def test_tabs_come_back(offline: MainWindow, folder: Path) -> None:
    document = await text_of(offline, folder / "player.gd")
    offline.documents.set_pinned(document, True)
    cursor = document.editor.textCursor()
    cursor.setPosition(9)
    document.editor.setTextCursor(cursor)
    await text_of(offline, folder / "notes.txt")
    kept = offline.documents.remember()
    for open_one in list(offline.documents.documents):
        await offline.documents.close_document(open_one)
    (folder / "notes.txt").unlink()
    offline.documents.restore(kept)
    back = offline.documents.documents
    assert [d.title for d in back] == ["player.gd"]
    assert offline.documents.is_pinned(back[0])
    await until(lambda: back[0].is_loaded)
    assert back[0].view_state()["cursor"] == 9


async def test_long_name_is_cut_and_equal_names_are_told_apart(
    offline: MainWindow, folder: Path
) -> None:
    area = offline.documents
    long = folder / ("a" * 120 + ".txt")
    long.write_text("x")
    area.open_path(long)
    assert area.tabBar().tabRect(1).width() <= 220
    (folder / "sub").mkdir()
    (folder / "sub" / "notes.txt").write_text("y")
    area.open_path(folder / "notes.txt")
    area.open_path(folder / "sub" / "notes.txt")
    assert area.tabText(3) == "notes.txt · sub"


async def test_short_names_stay_whole_among_many_tabs(offline: MainWindow, folder: Path) -> None:
    area, bar = offline.documents, offline.documents.tabBar()
    for number in range(12):
        path = folder / (f"{number}.txt" if number % 2 else f"{number}_" + "a" * 60 + ".txt")
        path.write_text("x")
        area.open_path(path)
    await until(lambda: bar.tabRect(area.currentIndex()).right() <= bar.width())
    for index in range(area.count()):
        natural = bar.tabSizeHint(index).width()
        assert bar.tabRect(index).width() >= min(natural, 150), area.tabText(index)


async def test_edit_is_marked_saved_atomically_and_keeps_line_ends_and_mode(
    offline: MainWindow, folder: Path
) -> None:
    path = folder / "notes.txt"
    path.write_bytes("\ufeffeins\r\nzwei\u00a0\r\n".encode())
    path.chmod(0o640)
    document = await text_of(offline, path)
    QTest.keyClicks(document.editor, "X")
    assert document.is_modified
    assert offline.documents.tabText(1).startswith("●")
    inode = path.stat().st_ino
    QTest.keyClick(document.editor, Qt.Key.Key_S, CONTROL)
    await until(lambda: not document.is_modified)
    assert path.read_bytes() == "\ufeffXeins\r\nzwei\u00a0\r\n".encode()
    assert path.stat().st_ino != inode
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(folder)) == ["data.bin", "notes.txt", "player.gd"]  # noqa: PTH208


async def test_failed_save_says_why_and_loses_nothing(offline: MainWindow, folder: Path) -> None:
    path = folder / "notes.txt"
    path.write_bytes(b"caf\xe9\n")
    document = await text_of(offline, path)
    document.editor.insertPlainText("\u20ac")
    assert not await document.save()
    assert "latin-1" in document.conflict.words.text()
    assert document.is_modified
    assert path.read_bytes() == b"caf\xe9\n"


async def test_change_on_disk_is_read_or_asked_about(offline: MainWindow, folder: Path) -> None:
    path = folder / "notes.txt"
    document = await text_of(offline, path)
    path.write_text("other\n")
    await until(lambda: document.editor.toPlainText() == "other\n")
    QTest.keyClicks(document.editor, "mine")
    new = folder / "new"
    new.write_text("third\n")
    new.replace(path)
    await until(lambda: document.conflict.isVisibleTo(offline))
    assert document.editor.toPlainText() == "mineother\n"
    document.conflict.again.click()
    await until(lambda: document.editor.toPlainText() == "third\n")
    assert not document.is_modified


async def test_find_and_replace(offline: MainWindow, folder: Path) -> None:
    path = folder / "notes.txt"
    path.write_text("Ein \U0001f600 ei\nei EI\n")
    document = await text_of(offline, path)
    QTest.keyClick(document.editor, Qt.Key.Key_H, CONTROL)
    bar = document.find_bar
    assert bar.replacement.isVisibleTo(offline)
    bar.field.setText("ei")
    assert bar.state.text() == "1 of 4"
    QTest.keyClick(bar.field, Qt.Key.Key_Return)
    assert document.editor.textCursor().selectedText() == "Ei"
    bar.case.setChecked(True)
    assert bar.state.text().endswith("of 2")
    bar.replacement.setText("Uhu")
    bar.replace.click()
    assert document.editor.toPlainText() == "Ein \U0001f600 Uhu\nei EI\n"
    bar.regex.setChecked(True)
    bar.field.setText("(e)(i)")
    bar.replacement.setText(r"\2\1")
    bar.replace_all.click()
    assert document.editor.toPlainText() == "Ein \U0001f600 Uhu\nie EI\n"
    document.editor.undo()
    assert "ei EI" in document.editor.toPlainText()
    bar.field.setText("(")
    assert bar.field.property("invalid")
    QTest.keyClick(bar.field, Qt.Key.Key_Escape)
    assert not bar.isVisibleTo(offline)


async def test_code_is_coloured_over_many_lines(offline: MainWindow, folder: Path) -> None:
    path = folder / "a.cs"
    path.write_text("class A {\n/* one\ntwo */ int x = 3;\n}\n")
    document = await text_of(offline, path)

    def colour(line: int) -> str:
        block = document.editor.document().findBlockByNumber(line)
        formats = block.layout().formats()
        return formats[0].format.foreground().color().name() if formats else ""

    faint = offline.theme.tokens.hex("text.faint")
    await until(lambda: colour(2) == faint)
    assert colour(0) == offline.theme.tokens.ansi[5]


async def test_close_asks_once_and_cancel_keeps_all(offline: MainWindow, folder: Path) -> None:
    one = await text_of(offline, folder / "notes.txt")
    two = await text_of(offline, folder / "player.gd")
    for document in (one, two):
        document.editor.insertPlainText("!")
    closed: list[int] = []
    work = offline.document_commands.close_window(lambda: closed.append(1))
    offline.tasks.spawn(work, "close", offline)
    await until(lambda: offline.findChildren(SaveQuestion))
    question = offline.findChildren(SaveQuestion)[0]
    question.cancel.click()
    await until(lambda: not offline.findChildren(SaveQuestion))
    assert closed == []
    assert one.is_modified
    work = offline.document_commands.close_window(lambda: closed.append(1))
    offline.tasks.spawn(work, "close", offline)
    await until(lambda: offline.findChildren(SaveQuestion))
    offline.findChildren(SaveQuestion)[0].save.click()
    await until(lambda: closed)
    assert (folder / "notes.txt").read_text() == "!one\ntwo\n"


async def test_large_binary_and_odd_files_are_guarded(offline: MainWindow, folder: Path) -> None:
    large = folder / "large.txt"
    with large.open("wb") as file:
        file.truncate(9 * 1024 * 1024)
    document = offline.documents.open_path(large)
    await until(lambda: document.is_loaded)
    assert document.problem is not None
    assert "8 MB" in document.problem.why
    binary = folder / "binary.txt"
    binary.write_bytes(b"a\0b")
    document = offline.documents.open_path(binary)
    await until(lambda: document.is_loaded)
    assert document.problem is None
    pipe = folder / "pipe.txt"
    os.mkfifo(pipe)
    document = offline.documents.open_path(pipe)
    await until(lambda: document.is_loaded)
    assert document.problem is not None
    document = offline.documents.open_path(folder / "data.bin")
    await until(lambda: document.is_loaded)
    assert isinstance(document, HexDocument)
    assert document.view.row_text(1)[0] == "00000010"
    assert document.view.row_text(2)[2][:3] == ' !"'
    assert document.facts.values["Size"].endswith("(10,240 bytes)")


async def test_document_takes_keys_and_closes_before_its_widgets_are_made(
    offline: MainWindow, folder: Path
) -> None:
    for name in ("a.png", "a.wav", "a.glb", "player.gd"):
        (folder / name).touch()
        document = offline.documents.open_path(folder / name)
        assert not document.is_made
        QTest.keyClick(document, Qt.Key.Key_Space)
        document.open_search()
        assert await offline.documents.close_document(document)
    assert offline.documents.documents == []


async def test_freed_memory_goes_back_once_nothing_is_closed_any_more(
    offline: MainWindow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trimmed: list[int] = []
    heap = offline.documents._heap
    monkeypatch.setattr(heap, "_trim", lambda: trimmed.append(1))
    heap._timer.setInterval(1)
    document = await text_of(offline, folder / "notes.txt")
    await offline.documents.close_document(document)
    await until(lambda: trimmed)


async def test_every_line_gets_its_colours_at_once(offline: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "long.gd"
    path.write_text("const SPEED := 5.0\n" * 200)
    document = await text_of(offline, path)
    last = document.editor.document().findBlockByNumber(199)
    await until(lambda: last.layout().formats())
    first = document.editor.document().begin()
    assert [run.start for run in first.layout().formats()][:2] == [0, 13]
    revision = document.editor.document().revision()
    await asyncio.sleep(0)
    assert document.editor.document().revision() == revision


async def test_an_open_menu_stays_while_documents_are_prepared(offline: MainWindow) -> None:
    menu = next(menu for action in offline.menuBar().actions() if (menu := action.menu()))
    menu.popup(offline.mapToGlobal(QPoint(20, 20)))
    await until(menu.isVisible)
    with windows_shown() as shown:
        await preload(offline.documents.context)
    assert shown == []
    assert menu.isVisible()
    menu.close()


async def test_what_cannot_be_shown_is_told_in_its_tab_alone(
    offline: MainWindow, folder: Path
) -> None:
    (folder / "odd.png").write_bytes(b"no picture")
    with windows_shown() as shown:
        document = offline.documents.open_path(folder / "odd.png")
        await until(lambda: document.problem is not None)
        await until(lambda: document.is_loaded)
    assert shown == []


async def test_a_folder_that_is_closed_while_it_is_read_costs_nothing(
    offline: MainWindow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[BaseException] = []
    monkeypatch.setattr(offline, "show_error", lambda error, *_: failures.append(error))
    detect, is_read = tree.detect_engine, threading.Event()

    def slowly(root: Path) -> object:
        is_read.wait(10)
        return detect(root)

    monkeypatch.setattr(tree, "detect_engine", slowly)
    await offline.document_commands.open_path(folder)
    (project,) = offline.workspace.projects
    await until(lambda: offline.projects.item(project.id).tree is not None)
    offline.workspace.close_folder(project.id)
    is_read.set()
    await until(lambda: "open tree" not in offline.tasks.names)
    assert failures == []
    assert offline.workspace.projects == []
