"""50,000 files in one folder, opened until all are known and sorted, against QFileSystemModel.

Both are shown in a view with the folder open.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtWidgets import QFileSystemModel, QTreeView

from slate_desktop.control.tree import NodeState, ProjectTree, TreeNode
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.project import Project
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.loop import Loop
from slate_desktop.ui.project_nodes import ProjectItem
from slate_desktop.ui.project_pane import ProjectPane
from slate_desktop.ui.theme import Theme
from tests.bench.display import virtual_display
from tests.bench.harness import Result
from tests.bench.qt import Heart, application, settle, spin

FILES = 50_000
ROUNDS = 5
LIMIT_MS = 16.0
SIZE = (320, 700)
_TIMEOUT_S = 60.0


def _peer(folder: Path) -> tuple[float, Heart]:
    model, view = QFileSystemModel(), QTreeView()
    view.setUniformRowHeights(True)
    view.setModel(model)
    view.resize(*SIZE)
    view.show()
    settle()
    with Heart() as heart:
        begin = time.perf_counter()
        root = model.setRootPath(str(folder))
        view.setRootIndex(root)
        spin(lambda: model.rowCount(root) == FILES, _TIMEOUT_S)
        elapsed = time.perf_counter() - begin
    assert model.rowCount(root) == FILES
    view.deleteLater()
    model.deleteLater()
    settle()
    return elapsed * 1e3, heart


async def _load(pane: ProjectPane, item: ProjectItem, folder: TreeNode) -> tuple[float, Heart]:
    assert item.tree is not None
    with Heart() as heart:
        begin = time.perf_counter()
        pane.view.expand(pane.model.index_of(folder))
        while folder.state is not NodeState.LOADED:  # noqa: ASYNC110 - nothing announces it alone
            await asyncio.sleep(0.004)
        elapsed = time.perf_counter() - begin
    assert len(folder.children) == FILES
    return elapsed * 1e3, heart


async def _ours(project: Path) -> tuple[float, Heart]:
    theme = application().findChild(Theme) or Theme(application())
    pane = ProjectPane(theme, EmptyState(theme, "folder", "empty"))
    now = datetime.now(UTC)
    row = Project(
        id="p", name="bench", owner_id="u", root=str(project), engine=Engine.CUSTOM,
        created_at=now, updated_at=now,
    )  # fmt: skip
    tasks: set[asyncio.Task[None]] = set()
    pane.load_wanted.connect(lambda tree, node: tasks.add(asyncio.create_task(tree.load(node))))
    pane.set_projects([row])
    pane.resize(*SIZE)
    pane.show()
    item, tree = pane.model.items[0], ProjectTree(project)
    pane.model.attach_tree(item, tree)
    await tree.open()
    pane.expand_project("p")
    await asyncio.sleep(0.3)
    folder = tree.find(project / "many")
    assert folder is not None
    try:
        return await _load(pane, item, folder)
    finally:
        await tree.aclose()
        pane.deleteLater()


def run() -> list[Result]:
    """Compare times; look for stalls of ours."""
    result = Result(f"Project tree, {FILES:,} files in a folder", "QFileSystemModel", "ms")
    result.goal, result.higher_is_better = 1 / 5, False
    stall = Result("Project tree, longest stall meanwhile", "limit", "ms", higher_is_better=False)
    stall.peer_values.append(LIMIT_MS)
    with tempfile.TemporaryDirectory() as directory, virtual_display():
        folder = Path(directory) / "many"
        folder.mkdir()
        for number in range(FILES):
            (folder / f"tile_{number:05d}.png").touch()
        app = application()
        peers, hearts = [], []
        for _ in range(ROUNDS):
            elapsed, heart = _peer(folder)
            peers.append(heart)
            result.peer_values.append(elapsed)
            with asyncio.Runner(loop_factory=lambda: Loop(app)) as runner:
                elapsed, heart = runner.run(_ours(folder.parent))
            hearts.append(heart)
            result.our_values.append(elapsed)
            settle()
    result.note = f"the peer takes {1 / result.ratio:.1f} times as long (goal ≥ 5)"
    stall.our_values = [heart.longest_cpu_ms for heart in hearts]
    stall.note = (
        f"work between two beats of the loop; on the wall "
        f"{min(h.longest_wall_ms for h in hearts):.1f} ms in the quietest of {ROUNDS} runs, "
        f"the peer {min(h.longest_wall_ms for h in peers):.1f} ms"
    )
    result.show()
    stall.show()
    return [result, stall]


if __name__ == "__main__":
    run()
