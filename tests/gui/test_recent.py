"""File ▸ Open recent: by hand, by keys and by the palette; missing folders, and an empty list."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from slate_desktop.ui.recent import RecentMenu
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate


@pytest.fixture
async def three(window: MainWindow, slate: FakeSlate, tmp_path: Path) -> list[str]:
    """The ids of three projects that were looked at one after the other, the last one first."""
    ids = [next(iter(slate.projects))]
    for name in ("Space & Time", "harbour " + "very " * 20 + "long"):
        root = tmp_path / name.replace(" ", "_")[:40]
        root.mkdir()
        ids.append(slate.put_project(name, str(root)).id)
    await window.workspace.refresh_projects()
    for project_id in ids:
        window.workspace.choose_project(project_id)
    return ids[::-1]


def file_menu(window: MainWindow) -> QMenu:
    return next(menu for action in window.menuBar().actions() if (menu := action.menu()))


async def opened(window: MainWindow) -> RecentMenu:
    """Open the File menu, and from there the list by its letter."""
    menu = file_menu(window)
    menu.popup(window.mapToGlobal(window.menuBar().geometry().bottomLeft()))
    QTest.keyClick(menu, Qt.Key.Key_R)
    recent = window.recent
    await until(recent.isVisible)
    await until(lambda: not recent._is_looking)
    return recent


def titles(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def close_all() -> None:
    while (menu := QApplication.activePopupWidget()) is not None:
        menu.close()


async def test_the_newest_comes_first_and_long_names_are_cut(
    window: MainWindow, three: list[str], project_root: Path
) -> None:
    menu = await opened(window)
    long, amp, pong, clear = titles(menu)
    assert long.startswith("&1  harbour very")
    assert long.split("\t")[0].endswith("very long")
    assert "…" in long
    assert amp.startswith("&2  Space && Time\t")
    assert pong.startswith("&3  pong\t")
    assert clear == "&Clear this list"
    assert str(project_root) in menu.actions()[2].toolTip()
    assert "very " * 20 in menu.actions()[0].toolTip()
    assert menu.width() < window.width()
    close_all()


async def test_a_digit_leads_to_a_project_from_wherever_one_is(
    window: MainWindow, three: list[str], project_root: Path
) -> None:
    window.documents.open_path(project_root / "project.godot")
    assert window.documents.current is not None
    QTest.keyClick(await opened(window), Qt.Key.Key_3)
    await until(lambda: window.workspace.current_project_id == three[2])
    await until(lambda: window.documents.current is None)
    assert QApplication.activePopupWidget() is None
    # It is the newest now.
    menu = await opened(window)
    assert [title.split("  ")[1].split("\t")[0][:5] for title in titles(menu)[:3]] == [
        "pong", "harbo", "Space",
    ]  # fmt: skip
    close_all()


async def test_a_folder_that_is_gone_is_marked_and_told(
    window: MainWindow, slate: FakeSlate, three: list[str], tmp_path: Path
) -> None:
    (tmp_path / "Space_&_Time").rmdir()
    menu = await opened(window)
    await until(lambda: titles(menu)[1].startswith("&2  Space && Time (folder missing)\t"))
    QTest.keyClick(menu, Qt.Key.Key_2)
    banner = window.details.banner
    await until(lambda: banner.problem is not None)
    assert banner.problem is not None
    assert banner.problem.what == "The files of Space & Time cannot be shown."
    assert banner.problem.why == f"{tmp_path / 'Space_&_Time'} is not there."
    assert "remove it from SLATE" in banner.problem.next_step
    # Its sessions and its configuration are there all the same.
    assert window.workspace.current_project_id == three[1]


async def test_a_folder_on_somebody_elses_computer_is_no_fault(
    window: MainWindow, slate: FakeSlate, three: list[str], tmp_path: Path
) -> None:
    slate.profile = "studio"
    (tmp_path / "Space_&_Time").rmdir()
    QTest.keyClick(await opened(window), Qt.Key.Key_2)
    await until(lambda: "cannot be shown" in window.status_row.message.text())
    assert window.details.banner.problem is None
    slate.profile = "local"


async def test_cleared_it_is_empty_and_off_until_something_is_opened(
    window: MainWindow, slate: FakeSlate, three: list[str]
) -> None:
    window.registry["view.start"].trigger()
    page = window.binding.start_page
    assert page is not None
    assert [row.id for row in page.recent.rows] == three
    window.state.recent.append("of another server")
    QTest.keyClick(await opened(window), Qt.Key.Key_C)
    action = window.registry["project.recent"]
    await until(lambda: not action.isEnabled())
    assert action.toolTip() == "No project or folder was opened yet."
    assert window.state.recent == ["of another server"]
    # The projects are still there, in their own order.
    assert [row.id for row in page.recent.rows] == [p.id for p in window.workspace.projects]
    assert len(window.workspace.projects) == 3
    window.workspace.choose_project(three[1])
    assert action.isEnabled()
    menu = await opened(window)
    assert len(titles(menu)) == 2
    close_all()


async def test_the_palette_opens_the_list(window: MainWindow, three: list[str]) -> None:
    window.registry["palette.commands"].trigger()
    QTest.keyClicks(window.palette_.field, "open recent")
    QTest.keyClick(window.palette_.field, Qt.Key.Key_Return)
    await until(window.recent.isVisible)
    QTest.keyClick(window.recent, Qt.Key.Key_Down)
    QTest.keyClick(window.recent, Qt.Key.Key_Return)
    await until(lambda: window.workspace.current_project_id == three[1])


async def test_a_folder_without_a_project_is_in_the_list(
    window: MainWindow, three: list[str], tmp_path: Path
) -> None:
    (tmp_path / "loose").mkdir()
    await window.document_commands.open_path(tmp_path / "loose")
    menu = await opened(window)
    assert titles(menu)[0].startswith("&1  loose\t")
    close_all()
    window.workspace.close_folder(f"folder:{tmp_path / 'loose'}")
    menu = await opened(window)
    assert not any("loose" in title for title in titles(menu))
    close_all()
