"""The open file trees of projects: opened when a project is unfolded, closed when it is gone."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slate_desktop.control.tree import ProjectTree, TreeNode
    from slate_desktop.ui.window import MainWindow


class ProjectTrees:
    """Gives the project pane its files; each tree watches its folder until it is closed."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._trees: dict[str, ProjectTree] = {}
        window.projects.tree_wanted.connect(self._on_tree_wanted)
        window.projects.load_wanted.connect(self._on_load_wanted)

    def close(self, project_id: str) -> None:
        """Stop watching the folder of a project that is gone."""
        tree = self._trees.pop(project_id, None)
        if tree is not None:
            self._window.tasks.spawn(tree.aclose(), "close tree", self._window)

    async def aclose(self) -> None:
        """Stop watching all folders."""
        trees, self._trees = list(self._trees.values()), {}
        for tree in trees:
            await tree.aclose()

    def _on_tree_wanted(self, project_id: str) -> None:
        self._window.tasks.spawn(self._open(project_id), "open tree", self._window)

    def _on_load_wanted(self, tree: ProjectTree, node: TreeNode) -> None:
        self._window.tasks.spawn(tree.load(node), "load folder", self._window)

    async def _open(self, project_id: str) -> None:
        window = self._window
        item = window.projects.item(project_id)
        if item is None or item.tree is not None:
            return
        await asyncio.to_thread(importlib.import_module, "slate_desktop.control.tree")
        from slate_desktop.control.tree import ProjectTree

        # While it was imported another call may have opened it, or the project may be gone.
        if item.tree is not None or window.projects.item(project_id) is not item:
            return
        # The watcher is slow to import, and would hold up the connection.
        tree = ProjectTree(Path(item.project.root), begin_watch=window.workspace.answered)
        self._trees[project_id] = tree
        window.projects.model.attach_tree(item, tree)
        await tree.open()
