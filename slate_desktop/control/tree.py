"""The project tree: lazy, watched, and quick with 50,000 files in one folder.

Directories are read and sorted in a thread, in short runs so that the interpreter's lock is never
held for long; rows arrive in batches, and become nodes when somebody looks at them. Directories
that were read are watched, not the whole project: an engine's caches hold more directories than a
system lets one watch.
"""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import bisect_left
from pathlib import Path

from slate_desktop.control.signals import Signal
from slate_desktop.control.tree_nodes import (
    Children,
    NodeState,
    TreeNode,
    changed_rows,
    is_ignored,
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
# With more runs of changed rows than this, showing the directory anew is cheaper.
_MAX_RUNS = 500
# How long rows are announced before the loop gets its turn.
_TURN_S = 0.004
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

    def __init__(
        self, root: Path, *, show_ignored: bool = False, begin_watch: asyncio.Event | None = None
    ) -> None:
        """Begin with nothing read.

        Args:
            root: the project's folder.
            show_ignored: also show what an engine made for itself.
            begin_watch: directories are watched once it is set; at once where there is none.
        """
        self._path = root
        self._show_ignored = show_ignored
        self.root = TreeNode(sort_key(str(root), is_dir=True), None)
        self.engine: EngineDetection | None = None
        self._watch = DirectoryWatch(self._on_changes, is_of_interest=_is_marker, begin=begin_watch)
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
        path, children = node.path, node.children
        try:
            keys, stamp = await asyncio.to_thread(read_directory, path, self._hidden_for())
        except OSError as exc:
            if node.children is children:
                self._set_state(node, NodeState.FAILED, exc.strerror or "it cannot be read")
            return
        except asyncio.CancelledError:
            if node.children is children:
                self._set_state(node, NodeState.UNLOADED)
            raise
        if await self._insert_all(node, children, 0, keys, _Turn()):
            self._set_state(node, NodeState.LOADED)
            self._watch.add(path, stamp)

    def unload(self, node: TreeNode) -> None:
        """Forget a directory's children and stop watching it, when it is collapsed."""
        if node.state is NodeState.UNLOADED:
            return
        self._watch.remove(node.path)
        if node.children:
            self.removing.emit(node, 0, len(node.children) - 1)
            node.children = Children(node)
            self.removed.emit()
        else:
            node.children = Children(node)  # whoever is reading it notices
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
                row = node.children.find_row(sort_key(part, is_dir))
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
        path, children = node.path, node.children
        try:
            keys, stamp = await asyncio.to_thread(read_directory, path, self._hidden_for())
        except OSError:
            return  # it is gone: its parent's change removes it
        gone, come = await asyncio.to_thread(changed_rows, list(children.keys), keys)
        if not self._is_current(node, children):
            return
        self._watch.touch(path, stamp)
        if len(gone) + len(come) > _MAX_RUNS:
            # Folders stay where they can, and with them what is open below.
            old, new = (bisect_left(k, sort_key("", is_dir=False)) for k in (children.keys, keys))
            gone = [*_below(gone, old), range(old, len(children))]
            come = [*_below(come, new), range(new, len(keys))]
        turn = _Turn()
        for run in reversed(gone):
            for stop in range(run.stop, run.start, -BATCH_ROWS):
                if not self._is_current(node, children):
                    return
                self._remove(node, max(run.start, stop - BATCH_ROWS), stop - 1)
                await turn.offer()
        for run in come:
            added = keys[run.start : run.stop]
            if not await self._insert_all(node, children, run.start, added, turn):
                return

    async def _apply(self, node: TreeNode, names: set[str]) -> None:
        path, children = node.path, node.children
        kinds = await asyncio.to_thread(_look_at, path, names)
        engine, turn = self._hidden_for(), _Turn()
        for name, is_dir in kinds.items():
            await turn.offer()
            if not self._is_current(node, children):
                return
            for kind in (True, False):
                row = children.find_row(sort_key(name, kind))
                if row is not None and kind is not is_dir:
                    self._remove(node, row, row)
            if is_dir is None or (engine is not None and is_ignored(name, is_dir, engine)):
                continue
            key = sort_key(name, is_dir)
            if children.find_row(key) is None:
                self._insert(node, bisect_left(children.keys, key), [key])

    async def _insert_all(
        self, node: TreeNode, children: Children, row: int, keys: list[str], turn: _Turn
    ) -> bool:
        """Insert rows in batches; returns false when the directory was closed meanwhile."""
        for start in range(0, len(keys), BATCH_ROWS):
            if not self._is_current(node, children):
                return False
            self._insert(node, row + start, keys[start : start + BATCH_ROWS])
            await turn.offer()
        return self._is_current(node, children)

    def _is_current(self, node: TreeNode, children: Children) -> bool:
        return node.children is children and not self._is_closed

    def _insert(self, node: TreeNode, row: int, keys: list[str]) -> None:
        self.inserting.emit(node, row, row + len(keys) - 1)
        node.children.insert(row, keys)
        self.inserted.emit()

    def _remove(self, node: TreeNode, first: int, last: int) -> None:
        for child in node.children.made(first, last):
            if child.is_dir:
                self._watch.remove(child.path)
        self.removing.emit(node, first, last)
        node.children.remove(first, last)
        self.removed.emit()

    async def _detect(self) -> None:
        engine = await asyncio.to_thread(detect_engine, self._path)
        if engine != self.engine:
            self.engine = engine
            self.engine_changed.emit(engine)

    def _hidden_for(self) -> Engine | None:
        """Return the engine whose own files are left out; None leaves out nothing."""
        if self._show_ignored:
            return None
        return self.engine.engine if self.engine else Engine.CUSTOM

    def _set_state(self, node: TreeNode, state: NodeState, problem: str = "") -> None:
        node.state, node.problem = state, problem
        self.node_changed.emit(node)


def _is_marker(name: str) -> bool:
    return name in _MARKERS or name.endswith(".uproject")


class _Turn:
    """How long rows were announced without a break for the loop."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()

    async def offer(self) -> None:
        """Let the loop work when this turn was long enough."""
        if time.perf_counter() - self._begin >= _TURN_S:
            await asyncio.sleep(0)
            self._begin = time.perf_counter()


def _below(runs: list[range], limit: int) -> list[range]:
    """Return what of the runs lies below a row."""
    return [range(run.start, min(run.stop, limit)) for run in runs if run.start < limit]


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
