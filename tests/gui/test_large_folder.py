"""A folder with more files than the tree shows at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtTest import QAbstractItemModelTester

from slate_desktop.control.tree import NodeState, ProjectTree, TreeNode
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.project import Project
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.project_model import BADGE_ROLE
from slate_desktop.ui.project_pane import ProjectPane
from slate_desktop.ui.row_pages import PAGE_ROWS
from slate_desktop.ui.theme import Theme
from tests.gui.conftest import until

FILES = 2 * PAGE_ROWS + 300


class Scene:
    """A pane with one project whose folder ``many`` is open."""

    def __init__(self, pane: ProjectPane, tree: ProjectTree, folder: TreeNode) -> None:
        self.pane, self.tree, self.folder = pane, tree, folder
        self.tester = QAbstractItemModelTester(
            pane.model, QAbstractItemModelTester.FailureReportingMode.Fatal
        )

    @property
    def index(self):
        return self.pane.model.index_of(self.folder)

    @property
    def rows(self) -> int:
        return self.pane.model.rowCount(self.index)

    async def open(self) -> None:
        self.pane.view.expand(self.index)
        await until(lambda: self.folder.state is NodeState.LOADED)


@pytest.fixture
async def scene(theme: Theme, tmp_path: Path) -> AsyncIterator[Scene]:
    (tmp_path / "many").mkdir()
    for number in range(FILES):
        (tmp_path / "many" / f"{number:05d}.png").touch()
    pane = ProjectPane(theme, EmptyState(theme, "folder", ""))
    tasks: set[asyncio.Task[None]] = set()
    pane.load_wanted.connect(lambda tree, node: tasks.add(asyncio.create_task(tree.load(node))))
    now = datetime.now(UTC)
    pane.set_projects(
        [
            Project(
                id="p", name="p", owner_id="u", root=str(tmp_path), engine=Engine.CUSTOM,
                created_at=now, updated_at=now,
            )
        ]
    )  # fmt: skip
    pane.resize(300, 400)
    pane.show()
    tree = ProjectTree(tmp_path)
    pane.model.attach_tree(pane.model.items[0], tree)
    await tree.open()
    pane.expand_project("p")
    folder = tree.find(tmp_path / "many")
    assert folder is not None
    scene = Scene(pane, tree, folder)
    await scene.open()
    yield scene
    await asyncio.gather(*tasks)
    await tree.aclose()
    pane.deleteLater()


async def test_scrolling_shows_page_after_page(scene: Scene) -> None:
    assert scene.rows == PAGE_ROWS
    assert scene.pane.model.data(scene.index, BADGE_ROLE) == f"{PAGE_ROWS:,} of {FILES:,}"
    bar = scene.pane.view.verticalScrollBar()
    for rows in (2 * PAGE_ROWS, FILES):
        await until(lambda: bar.maximum() > 0)
        bar.setValue(bar.maximum())
        await until(lambda rows=rows: scene.rows == rows)
        bar.setValue(0)
    assert scene.pane.model.data(scene.index, BADGE_ROLE) == ""


async def test_changes_of_shown_and_hidden_rows_are_followed(scene: Scene) -> None:
    tree, folder = scene.tree, scene.folder
    tree._insert(folder, "00000a.png", False)
    assert scene.rows == PAGE_ROWS + 1
    tree._insert(folder, "zz.png", False)
    assert scene.rows == PAGE_ROWS + 1
    tree._remove(folder, len(folder.children) - 1)
    tree._remove(folder, 0)
    assert scene.rows == PAGE_ROWS
    for _ in range(PAGE_ROWS // 2 + 1):
        tree._remove(folder, 0)
    assert PAGE_ROWS <= scene.rows < len(folder.children)


async def test_folder_that_is_closed_begins_with_its_first_page(scene: Scene) -> None:
    scene.pane.model.reveal(scene.index)
    assert scene.rows == 2 * PAGE_ROWS
    scene.pane.view.collapse(scene.index)
    assert scene.rows == 0
    await scene.open()
    assert scene.rows == PAGE_ROWS
