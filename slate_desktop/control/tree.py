"""The project tree: lazy, watched, and quick with 50,000 files in one folder.

Directories are read and sorted in a thread, in short runs so that the interpreter's lock is never
held for long; nodes arrive in batches. Directories that were read are watched, not the whole
project: an engine's caches hold more directories than a system lets one watch.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

from psygnal import Signal

from slate_desktop.control.tree_nodes import (
    NodeState,
    TreeNode,
    is_ignored,
    make_node,
    read_directory,
    sort_key,
)
from slate_desktop.control.tree_watch import DirectoryWatch
from slate_desktop.domain.engine import Engine, EngineDetection, detect_engine

__all__ = ["NodeState", "ProjectTree", "TreeNode"]

logger = logging.getLogger(__name__)

BATCH_ROWS = 2000
# With more changes than this in one directory, reading it again is cheaper.
_MAX_SINGLE_CHANGES = 64
_MARKERS = frozenset({"project.godot", "ProjectSettings", "ProjectVersion.txt"})


class ProjectTree:
    """The files of one project.

    Rows are announced before and after each change, as item models want it. A directory's children
    arrive in batches of at most 2,000.
    """

    inserting = Signal(object, int, int)  # parent node, first row, last row; before
    inserted = Signal()  # after
    removing = Signal(object, int, int)  # parent node, first row, last row; before
    removed = Signal()  # after
    node_changed = Signal(object)  # state or problem of a node
    engine_changed = Signal(object)  # EngineDetection

    def __init__(self, root: Path, *, show_ignored: bool = False) -> None:
        self._path = root
        self._show_ignored = show_ignored
        self.root = TreeNode(str(root), is_dir=True, parent=None)
        self.engine: EngineDetection | None = None
        self._watch = DirectoryWatch(self._on_changes, is_of_interest=_is_marker)
        self._locks: dict[int, asyncio.Lock] = {}
        self._is_closed = False

    async def open(self) -> None:
        """Detect the engine, load the first level and begin to watch."""
        await self._detect()
        await self.load(self.root)

    async def load(self, node: TreeNode) -> None:
        """Read a directory that was not read; does nothing for others."""
        if not node.is_dir or node.state in (NodeState.LOADING, NodeState.LOADED):
            return
        self._set_state(node, NodeState.LOADING)
        path = node.path
        try:
            entries, stamp = await asyncio.to_thread(read_directory, path, self._filter())
        except OSError as exc:
            self._set_state(node, NodeState.FAILED, exc.strerror or "it cannot be read")
            return
        except asyncio.CancelledError:
            self._set_state(node, NodeState.UNLOADED)
            raise
        for start in range(0, len(entries), BATCH_ROWS):
            if self._is_closed or node.state is not NodeState.LOADING:
                return
            batch = entries[start : start + BATCH_ROWS]
            first = len(node.children)
            self.inserting.emit(node, first, first + len(batch) - 1)
            node.children.extend(make_node(entry, node) for entry in batch)
            self.inserted.emit()
            await asyncio.sleep(0)
        self._set_state(node, NodeState.LOADED)
        self._watch.add(path, stamp)

    def unload(self, node: TreeNode) -> None:
        """Forget a directory's children and stop watching it, when it is collapsed."""
        if node.state is NodeState.UNLOADED:
            return
        self._watch.remove(node.path)
        if node.children:
            self.removing.emit(node, 0, len(node.children) - 1)
            node.children.clear()
            self.removed.emit()
        self._set_state(node, NodeState.UNLOADED)

    def find(self, path: Path) -> TreeNode | None:
        """Return the node of an absolute path, where its directory was read."""
        try:
            parts = path.relative_to(self._path).parts
        except ValueError:
            return None
        node = self.root
        for part in parts:
            for is_dir in (True, False):
                row = _find_row(node, part, is_dir)
                if row is not None:
                    node = node.children[row]
                    break
            else:
                return None
        return node

    async def aclose(self) -> None:
        """Stop watching."""
        self._is_closed = True
        await self._watch.aclose()

    async def _on_changes(self, changed: dict[Path, set[str] | None]) -> None:
        """Bring directories up to date; None for the names means: read it again."""
        if not self._path.is_dir():
            self._set_state(self.root, NodeState.FAILED, "The folder is gone.")
            return
        if any(names is None or any(map(_is_marker, names)) for names in changed.values()):
            await self._detect()
        for path, names in changed.items():
            node = self.find(path)
            if node is None or node.state is not NodeState.LOADED:
                continue
            lock = self._locks.setdefault(id(node), asyncio.Lock())
            async with lock:
                if names is None or len(names) > _MAX_SINGLE_CHANGES:
                    await self._reread(node)
                else:
                    await self._apply(node, names)
            self._locks.pop(id(node), None)

    async def _reread(self, node: TreeNode) -> None:
        path = node.path
        try:
            entries, stamp = await asyncio.to_thread(read_directory, path, self._filter())
        except OSError:
            return  # it is gone: its parent's change removes it
        self._watch.touch(path, stamp)
        wanted = {key for key, _, _ in entries}
        for row in range(len(node.children) - 1, -1, -1):
            if node.children[row].sort_key not in wanted:
                self._remove(node, row)
        known = {child.sort_key for child in node.children}
        missing = [entry for entry in entries if entry[0] not in known]
        for count, (_, name, is_dir) in enumerate(missing, 1):
            self._insert(node, name, is_dir)
            if count % 200 == 0:
                await asyncio.sleep(0)

    async def _apply(self, node: TreeNode, names: set[str]) -> None:
        path = node.path
        kinds = await asyncio.to_thread(_look_at, path, names)
        for name, is_dir in kinds.items():
            for kind in (True, False):
                row = _find_row(node, name, kind)
                if row is not None and kind is not is_dir:
                    self._remove(node, row)
            if is_dir is not None and _find_row(node, name, is_dir) is None:
                self._insert(node, name, is_dir)

    def _insert(self, node: TreeNode, name: str, is_dir: bool) -> None:
        ignored = self._filter()
        if ignored is not None and ignored(name, is_dir):
            return
        key = sort_key(name, is_dir)
        row = bisect_left(node.children, key, key=lambda child: child.sort_key)
        self.inserting.emit(node, row, row)
        node.children.insert(row, TreeNode(name, is_dir=is_dir, parent=node))
        self.inserted.emit()

    def _remove(self, node: TreeNode, row: int) -> None:
        child = node.children[row]
        if child.is_dir:
            self._watch.remove(child.path)
        self.removing.emit(node, row, row)
        del node.children[row]
        self.removed.emit()

    async def _detect(self) -> None:
        engine = await asyncio.to_thread(detect_engine, self._path)
        if engine != self.engine:
            self.engine = engine
            self.engine_changed.emit(engine)

    def _filter(self) -> Callable[[str, bool], bool] | None:
        if self._show_ignored:
            return None
        engine = self.engine.engine if self.engine else Engine.CUSTOM
        return lambda name, is_dir: is_ignored(name, is_dir, engine)

    def _set_state(self, node: TreeNode, state: NodeState, problem: str = "") -> None:
        node.state, node.problem = state, problem
        self.node_changed.emit(node)


def _is_marker(name: str) -> bool:
    return name in _MARKERS or name.endswith(".uproject")


def _find_row(node: TreeNode, name: str, is_dir: bool) -> int | None:
    key = sort_key(name, is_dir)
    row = bisect_left(node.children, key, key=lambda child: child.sort_key)
    if row < len(node.children) and node.children[row].sort_key == key:
        return row
    return None


def _look_at(path: Path, names: set[str]) -> dict[str, bool | None]:
    """Tell for each name whether it is a directory, a file, or gone (None)."""
    kinds: dict[str, bool | None] = {}
    for name in names:
        item = path / name
        try:
            item.lstat()
        except OSError:
            kinds[name] = None
        else:
            kinds[name] = item.is_dir() and not item.is_symlink()
    return kinds
