"""The menu of a file or folder in the project tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu

from slate_desktop.errors import EnvironmentFaultError
from slate_desktop.ui import outside
from slate_desktop.ui.documents.text_document import TextDocument
from slate_desktop.ui.project_model import ProjectModel
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate


@pytest.fixture
def art(project_root: Path) -> Path:
    folder = project_root / "art"
    folder.mkdir()
    for name in ("hero.png", "notes.txt", "tree.glb"):
        (folder / name).write_bytes(b"x")
    return folder


async def menu_of(window: MainWindow, *names: str) -> QMenu:
    """Open folder by folder, and the menu of the last name."""
    view, model = window.projects.view, window.projects.model
    at = model.index(0, 0)
    for name in names:
        view.expand(at)
        at = await child_of(model, at, name)
    node = model.node(at)
    assert node is not None
    view.show_node(node)
    row = view.currentIndex()
    await until(lambda: view.indexAt(view.visualRect(row).center()) == row)
    view.customContextMenuRequested.emit(view.visualRect(row).center())
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


async def child_of(model: ProjectModel, parent: QModelIndex, name: str) -> QModelIndex:
    """Return the row of this name, once it is read."""

    def rows() -> list[QModelIndex]:
        rows = [model.index(row, 0, parent) for row in range(model.rowCount(parent))]
        return [row for row in rows if row.data() == name]

    await until(lambda: bool(rows()))
    return rows()[0]


def entry(menu: QMenu, words: str) -> QAction:
    return next(action for action in menu.actions() if action.text() == words)


async def test_the_assets_of_a_folder_are_processed(
    window: MainWindow, slate: FakeSlate, art: Path
) -> None:
    await until(lambda: window.registry["jobs.add"].isEnabled())
    menu = await menu_of(window, "art")
    assert "Open" not in [action.text() for action in menu.actions()]
    entry(menu, "Process the assets in it").trigger()
    menu.close()
    await until(lambda: len(slate.asset_jobs) == 2)
    assert {call[1][0].name for call in slate.calls} == {"hero.png", "tree.glb"}


async def test_an_asset_is_processed_alone(window: MainWindow, slate: FakeSlate, art: Path) -> None:
    await until(lambda: window.registry["jobs.add"].isEnabled())
    menu = await menu_of(window, "art", "hero.png")
    entry(menu, "Process").trigger()
    menu.close()
    await until(lambda: len(slate.asset_jobs) == 1)


async def test_a_file_is_opened_and_its_path_copied(window: MainWindow, art: Path) -> None:
    menu = await menu_of(window, "art", "notes.txt")
    assert "Process" not in [action.text() for action in menu.actions()]
    entry(menu, "Copy path").trigger()
    assert QGuiApplication.clipboard().text() == str(art / "notes.txt")
    entry(menu, "Open").trigger()
    menu.close()
    await until(lambda: isinstance(window.documents.current, TextDocument))
    assert window.documents.current is not None
    assert window.documents.current.path == art / "notes.txt"


async def test_where_no_program_takes_a_file_that_is_told(
    window: MainWindow, art: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise EnvironmentFaultError(f"No program of this system opens {path.name}.")

    monkeypatch.setattr(outside, "open_externally", refuse)
    menu = await menu_of(window, "art", "notes.txt")
    entry(menu, "Open in another program").trigger()
    menu.close()
    await until(lambda: window.details.banner.problem is not None)
    assert "opens notes.txt" in window.details.banner.why.text()
