"""Nodes of the project tree, their order, what is left out, and reading a directory."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from slate_desktop.domain.engine import Engine

# Sort key, name, whether it is a directory.
Entry = tuple[str, str, bool]
_RUN_ROWS = 2000

_IGNORED_ANYWHERE = frozenset(
    {
        ".git",
        ".svn",
        ".hg",
        ".vs",
        ".idea",
        ".plastic",
        "__pycache__",
        "node_modules",
        ".DS_Store",
        "Thumbs.db",
    }
)
# What engines make themselves and make again. Source: each engine's recommended .gitignore.
_IGNORED_BY_ENGINE: dict[Engine, frozenset[str]] = {
    Engine.UNITY: frozenset({"Library", "Temp", "Obj", "obj", "Logs", "UserSettings"}),
    Engine.UNREAL: frozenset({"Binaries", "Intermediate", "Saved", "DerivedDataCache"}),
    Engine.GODOT: frozenset({".godot", ".import", ".mono"}),
    Engine.CUSTOM: frozenset(),
}


class NodeState(Enum):
    """Whether a directory's children are known."""

    UNLOADED = "unloaded"
    LOADING = "loading"
    LOADED = "loaded"
    FAILED = "failed"


class TreeNode:
    """A file or a directory. Children are directories first, then by name, in any case."""

    __slots__ = ("children", "is_dir", "name", "parent", "problem", "sort_key", "state")

    def __init__(
        self, name: str, *, is_dir: bool, parent: TreeNode | None, key: str | None = None
    ) -> None:
        self.name = name
        self.is_dir = is_dir
        self.parent = parent
        self.children: list[TreeNode] = []
        self.state = NodeState.UNLOADED
        self.problem = ""
        self.sort_key = sort_key(name, is_dir) if key is None else key

    @property
    def path(self) -> Path:
        """The absolute path."""
        parts: list[str] = []
        node: TreeNode | None = self
        while node is not None:
            parts.append(node.name)
            node = node.parent
        return Path(*reversed(parts))

    @property
    def row(self) -> int:
        """The place among its parent's children, 0 for the root."""
        if self.parent is None:
            return 0
        children, key = self.parent.children, self.sort_key
        low, high = 0, len(children)
        while low < high:
            middle = (low + high) // 2
            if children[middle].sort_key < key:
                low = middle + 1
            else:
                high = middle
        return low

    def __repr__(self) -> str:
        return f"TreeNode({self.name!r}, children={len(self.children)})"


def sort_key(name: str, is_dir: bool) -> str:
    """Return a key that is unique in its directory: directories first, then names in any case."""
    return f"{'0' if is_dir else '1'}{name.casefold()}\0{name}"


def is_ignored(name: str, is_dir: bool, engine: Engine) -> bool:
    """Tell whether the tree leaves an entry out."""
    return name in _IGNORED_ANYWHERE or (is_dir and name in _IGNORED_BY_ENGINE[engine])


def make_node(entry: Entry, parent: TreeNode) -> TreeNode:
    """Return the node of an entry."""
    return TreeNode(entry[1], is_dir=entry[2], parent=parent, key=entry[0])


def read_directory(
    path: Path, ignored: Callable[[str, bool], bool] | None
) -> tuple[list[Entry], int]:
    """Return a directory's entries in order, and its time of change in nanoseconds.

    It runs in a thread. One sort of 50,000 texts would hold the interpreter's lock, and so stall
    the window, for tens of milliseconds; short runs that are merged do not.
    """
    stamp = path.stat().st_mtime_ns
    runs: list[list[Entry]] = []
    run: list[Entry] = []
    with os.scandir(path) as scan:
        for item in scan:
            is_dir = _is_dir(item)
            if ignored is not None and ignored(item.name, is_dir):
                continue
            run.append((sort_key(item.name, is_dir), item.name, is_dir))
            if len(run) == _RUN_ROWS:
                run.sort()
                runs.append(run)
                run = []
    run.sort()
    runs.append(run)
    return list(heapq.merge(*runs)), stamp


def _is_dir(item: os.DirEntry[str]) -> bool:
    # Links to directories are leaves: they may lead outside, or around in circles.
    try:
        return item.is_dir(follow_symlinks=False)
    except OSError:
        return False
