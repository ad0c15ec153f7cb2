"""The tree of the Project pane with more files in a folder than a tree view bears."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication

from slate_desktop.control.tree import BATCH_ROWS, NodeState, ProjectTree, TreeNode
from slate_desktop.control.tree_nodes import sort_key
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.project import Project
from slate_desktop.domain.session import SessionStatus
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.outline import OPEN_ROLE, OutlineModel
from slate_desktop.ui.project_model import ProjectModel
from slate_desktop.ui.project_pane import ProjectPane
from slate_desktop.ui.status import session_title
from slate_desktop.ui.theme import Theme
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate

FILES = BATCH_ROWS + 300
# Rows above those of the folder: the project, its sessions, the folder.
ABOVE = 3


class Scene:
    """A pane with one project: the folder ``many``, open, then ``zoo`` with one file."""

    def __init__(
        self, pane: ProjectPane, tree: ProjectTree, tasks: set[asyncio.Task[None]]
    ) -> None:
        self.pane, self.tree, self.tasks = pane, tree, tasks
        self.view, self.outline = pane.view, pane.view.outline
        self.testers: list[QAbstractItemModelTester] = []

    def check_models(self) -> None:
        """Let Qt watch what the models announce; it looks at every row each time."""
        mode = QAbstractItemModelTester.FailureReportingMode.Fatal
        self.testers = [QAbstractItemModelTester(m, mode) for m in (self.pane.model, self.outline)]

    def path(self, *parts: str) -> Path:
        return Path(self.tree.root.name, *parts)

    def node(self, *parts: str) -> TreeNode:
        node = self.tree.find(self.path(*parts))
        assert node is not None
        return node

    @property
    def rows(self) -> int:
        return self.outline.rowCount()

    @property
    def current(self) -> str:
        return str(self.view.currentIndex().data())

    def row(self, name: str, *above: str) -> int:
        return self.outline.row_of(self.node(*above, name))

    def choose(self, *parts: str) -> None:
        self.view.show_node(self.node(*parts))

    async def open(self, *parts: str) -> None:
        node = self.node(*parts)
        self.view.expand(self.pane.model.index_of(node))
        await until(lambda: node.state is NodeState.LOADED)

    def close(self, *parts: str) -> None:
        self.view.collapse(self.pane.model.index_of(self.node(*parts)))


@pytest.fixture
async def scene(theme: Theme, tmp_path: Path) -> AsyncIterator[Scene]:
    root = tmp_path / "project"
    (root / "many").mkdir(parents=True)
    (root / "zoo" / "deep").mkdir(parents=True)
    (root / "zoo" / "deep" / "ape").touch()
    for number in range(FILES):
        (root / "many" / f"tile_{number:05d}.png").touch()
    pane = ProjectPane(theme, EmptyState(theme, "folder", ""))
    tasks: set[asyncio.Task[None]] = set()
    pane.load_wanted.connect(lambda tree, node: tasks.add(asyncio.create_task(tree.load(node))))
    now = datetime.now(UTC)
    pane.set_projects(
        [
            Project(
                id="p", name="p", owner_id="u", root=str(root), engine=Engine.CUSTOM,
                created_at=now, updated_at=now,
            )
        ]
    )  # fmt: skip
    pane.resize(300, 400)
    pane.show()
    tree = ProjectTree(root)
    pane.model.attach_tree(pane.model.items[0], tree)
    await tree.open()
    pane.expand_project("p")
    scene = Scene(pane, tree, tasks)
    await scene.open("many")
    yield scene
    await asyncio.gather(*tasks)
    await tree.aclose()
    pane.deleteLater()


@pytest.fixture
def patient_keys(qapp: QApplication) -> Iterator[None]:
    """Take keys as one word, however long a busy machine is away between two of them."""
    interval_ms = qapp.keyboardInputInterval()
    qapp.setKeyboardInputInterval(60_000)
    yield
    qapp.setKeyboardInputInterval(interval_ms)


def count_calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count every call of a method of the two models."""
    calls: Counter[str] = Counter()

    def counted(name: str, method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            return method(*args, **kwargs)

        return call

    for kind in (ProjectModel, OutlineModel):
        for name, method in vars(kind).items():
            if callable(method) and not name.startswith("__"):
                monkeypatch.setattr(kind, name, counted(f"{kind.__name__}.{name}", method))
    return calls


async def test_every_file_is_a_row(scene: Scene) -> None:
    assert scene.rows == ABOVE + FILES + 1
    assert scene.outline.index(ABOVE).data() == "tile_00000.png"
    assert scene.outline.index(ABOVE + FILES - 1).data() == f"tile_{FILES - 1:05d}.png"
    assert scene.outline.index(ABOVE + FILES).data() == "zoo"


async def test_rows_become_nodes_only_when_they_are_looked_at(scene: Scene) -> None:
    scene.close("many")
    await scene.open("many")
    await asyncio.sleep(0)
    folder = scene.node("many")
    assert len(folder.children.made(0, FILES - 1)) < 100


async def test_batch_costs_the_same_number_of_calls_in_a_folder_of_any_size(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = scene.node("many")
    calls = count_calls(monkeypatch)
    seen: list[int] = []
    for batch in range(5):
        calls.clear()
        keys = [sort_key(f"z{batch}{number:05d}", is_dir=False) for number in range(BATCH_ROWS)]
        scene.tree._insert(folder, len(folder.children), keys)
        seen.append(calls.total())
    assert scene.rows == ABOVE + FILES + 5 * BATCH_ROWS + 1
    assert len(set(seen)) == 1
    assert seen[0] < 60
    calls.clear()
    scene.tree._remove(folder, 10, 10)
    assert calls.total() < 60
    calls.clear()
    scene.close("many")
    assert calls.total() < 200


async def test_keys_of_a_tree_open_close_and_find(scene: Scene, patient_keys: None) -> None:
    view = scene.view
    QTest.keyClick(view, Qt.Key.Key_End)
    assert scene.current == "zoo"
    QTest.keyClick(view, Qt.Key.Key_Up)
    assert scene.current == f"tile_{FILES - 1:05d}.png"
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert scene.current == "many"
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert scene.current == "tile_00000.png"
    QTest.keyClicks(view, "TILE_01210")
    assert scene.current == "tile_01210.png"
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert scene.current == "p"
    scene.choose("many")
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert scene.rows == ABOVE + 1
    QTest.keyClick(view, Qt.Key.Key_Right)
    await until(lambda: scene.rows == ABOVE + FILES + 1)
    QTest.keyClick(view, Qt.Key.Key_Minus)
    assert scene.rows == ABOVE + 1
    QTest.keyClick(view, Qt.Key.Key_Plus)
    await until(lambda: scene.rows == ABOVE + FILES + 1)


async def test_asterisk_opens_what_is_known_below(scene: Scene) -> None:
    scene.choose("zoo")
    QTest.keyClick(scene.view, Qt.Key.Key_Asterisk)
    await until(lambda: len(scene.node("zoo").children) == 1)
    QTest.keyClick(scene.view, Qt.Key.Key_Asterisk)
    await until(lambda: scene.rows == ABOVE + FILES + 3)


async def test_arrow_opens_without_choosing_and_a_double_click_opens_too(scene: Scene) -> None:
    view, port = scene.view, scene.view.viewport()
    scene.choose("many", "tile_00001.png")
    index = scene.outline.index(scene.row("many"))
    arrow = view.arrow_rect(index).center()
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=arrow)
    # The current row was below, so it went to the folder.
    assert (scene.rows, scene.current) == (ABOVE + 1, "many")
    scene.choose("zoo")
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=arrow)
    await until(lambda: scene.rows == ABOVE + FILES + 1)
    assert scene.current == "zoo"
    name = view.visualRect(index).center() + QPoint(20, 0)
    QTest.mouseDClick(port, Qt.MouseButton.LeftButton, pos=name)
    assert scene.rows == ABOVE + 1


async def test_closed_project_opens_again_with_what_was_open_below(scene: Scene) -> None:
    scene.check_models()
    top = scene.pane.model.index(0, 0)
    scene.view.collapse(top)
    assert scene.rows == 1
    scene.view.expand(top)
    assert scene.rows == ABOVE + FILES + 1
    assert scene.outline.index(scene.row("many")).data(OPEN_ROLE) is True


async def test_changes_on_disk_keep_the_current_row(scene: Scene) -> None:
    scene.check_models()
    await scene.open("zoo")
    scene.choose("many", "tile_02000.png")
    scene.path("many", "tile_00000a.png").touch()
    await until(lambda: scene.rows == ABOVE + FILES + 3)
    scene.path("many", "tile_00005.png").unlink()
    await until(lambda: scene.rows == ABOVE + FILES + 2)
    assert scene.current == "tile_02000.png"
    assert scene.view.currentIndex().row() == scene.row("tile_02000.png", "many")


async def test_many_changes_at_once_are_followed(scene: Scene) -> None:
    many = scene.path("many")
    for number in range(0, FILES, 2):
        (many / f"tile_{number:05d}.png").unlink()
    (many / "new").mkdir()
    wanted = ["new", *(f"tile_{number:05d}.png" for number in range(1, FILES, 2))]
    folder = scene.node("many")
    await until(lambda: [node.name for node in folder.children] == wanted)
    assert scene.rows == ABOVE + len(wanted) + 1


async def test_folder_closed_while_it_is_read_has_each_file_once(scene: Scene) -> None:
    scene.close("many")
    index = scene.pane.model.index_of(scene.node("many"))
    for _ in range(3):
        scene.view.expand(index)
        await asyncio.sleep(0)
        scene.view.collapse(index)
    await scene.open("many")
    await asyncio.gather(*scene.tasks)
    assert scene.rows == ABOVE + FILES + 1


async def test_screen_reader_is_told_depth_and_state(scene: Scene) -> None:
    index = scene.outline.index(scene.row("many"))
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "many"
    assert index.data(Qt.ItemDataRole.AccessibleDescriptionRole) == "open, level 2"


async def test_sessions_come_move_and_go_among_the_rows(scene: Scene) -> None:
    slate = FakeSlate()
    project = slate.put_project("p", "/p")
    rows = [slate.put_session(project.id, SessionStatus.RUNNING) for _ in range(3)]
    rows = [msgspec.structs.replace(row, project_id="p") for row in rows]
    scene.close("many")
    scene.check_models()
    scene.choose("zoo")
    for wanted in (rows, rows[::-1], [rows[1], rows[0]], []):
        scene.pane.set_sessions(wanted)
        shown = [scene.outline.index(2 + row).data() for row in range(len(wanted))]
        assert shown == [session_title(row) for row in wanted]
        assert scene.rows == ABOVE + len(wanted) + 1
        assert scene.view.currentIndex().row() == scene.row("zoo")


async def test_projects_that_change_their_order_stay_open(scene: Scene) -> None:
    project = scene.pane.model.items[0].project
    other = msgspec.structs.replace(project, id="q", name="q")
    scene.pane.set_projects([project, other])
    scene.pane.set_projects([other, project])
    assert scene.rows == ABOVE + FILES + 2
    assert scene.outline.index(0).data() == "q"
    assert scene.outline.index(scene.rows - 1).data() == "zoo"
    scene.pane.set_projects([other])
    assert scene.rows == 1
