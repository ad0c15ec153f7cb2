"""Nodes of the project tree, their order, what is left out, and reading a directory."""

from __future__ import annotations

import os
import time
from bisect import bisect, bisect_left
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import overload

from slate_desktop.domain.engine import Engine

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

    def __init__(self, key: str, parent: TreeNode | None) -> None:
        self.name = name_of(key)
        self.is_dir = is_dir_key(key)
        self.parent = parent
        self.children = Children(self)
        self.state = NodeState.UNLOADED
        self.problem = ""
        self.sort_key = key

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
        return 0 if self.parent is None else bisect_left(self.parent.children.keys, self.sort_key)

    def __repr__(self) -> str:
        return f"TreeNode({self.name!r}, children={len(self.children)})"


class Children(Sequence[TreeNode]):
    """A directory's children in order: a sorted list of keys, and the nodes that were asked for.

    Most files of a large folder are never looked at. A text each instead of an object each makes
    reading and forgetting 50,000 of them cheap, and gives the garbage collector nothing to visit.
    """

    __slots__ = ("_made", "_owner", "keys")

    def __init__(self, owner: TreeNode) -> None:
        self._owner = owner
        self._made: dict[str, TreeNode] = {}
        self.keys: list[str] = []

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, index: int) -> TreeNode: ...
    @overload
    def __getitem__(self, index: slice) -> list[TreeNode]: ...
    def __getitem__(self, index: int | slice) -> TreeNode | list[TreeNode]:
        if isinstance(index, slice):
            return [self._node(key) for key in self.keys[index]]
        return self._node(self.keys[index])

    def find_row(self, key: str) -> int | None:
        """Return the row of a key, if it is there."""
        row = bisect_left(self.keys, key)
        return row if row < len(self.keys) and self.keys[row] == key else None

    def find_prefix(self, text: str, first: int, stop: int) -> int | None:
        """Return the first row in a range whose name begins with ``text``, in any case."""
        for kind in (_DIRECTORY, _FILE):
            begin = f"{kind}{text.casefold()}"
            row = bisect_left(self.keys, begin, first, stop)
            if row < stop and self.keys[row].startswith(begin):
                return row
        return None

    def insert(self, row: int, keys: Iterable[str]) -> None:
        """Put keys in at a row; the caller keeps the order."""
        self.keys[row:row] = keys

    def remove(self, first: int, last: int) -> None:
        """Take rows out, the last one included."""
        for node in self.made(first, last):
            del self._made[node.sort_key]
        del self.keys[first : last + 1]

    def made(self, first: int, last: int) -> list[TreeNode]:
        """Return the nodes in a range of rows that somebody asked for, in no order."""
        if len(self._made) <= last - first:
            low, high = self.keys[first], self.keys[last]
            return [node for key, node in self._made.items() if low <= key <= high]
        keys = self.keys[first : last + 1]
        return [self._made[key] for key in keys if key in self._made]

    def directories(self) -> Iterator[TreeNode]:
        """Return the directories."""
        return map(self._node, self.keys[: bisect_left(self.keys, _FILE)])

    def _node(self, key: str) -> TreeNode:
        node = self._made.get(key)
        if node is None:
            node = self._made[key] = TreeNode(key, self._owner)
        return node


_DIRECTORY, _FILE = "0", "1"


def sort_key(name: str, is_dir: bool) -> str:
    """Return a key that is unique in its directory: directories first, then names in any case."""
    return f"{_DIRECTORY if is_dir else _FILE}{name.casefold()}\0{name}"


def name_of(key: str) -> str:
    """Return the name that a key was made of."""
    return key.rpartition("\0")[2]


def is_dir_key(key: str) -> bool:
    """Tell whether a key was made of a directory."""
    return key[0] == _DIRECTORY


def is_ignored(name: str, is_dir: bool, engine: Engine) -> bool:
    """Tell whether the tree leaves an entry out."""
    return name in _IGNORED_ANYWHERE or (is_dir and name in _IGNORED_BY_ENGINE[engine])


def read_directory(path: Path, engine: Engine | None) -> tuple[list[str], int]:
    """Return the sort keys of a directory's entries in order, and its time of change in ns.

    It runs in a thread.

    Args:
        path: the directory.
        engine: leaves out what this engine makes itself; None leaves out nothing.
    """
    stamp = path.stat().st_mtime_ns
    anywhere = _IGNORED_ANYWHERE if engine is not None else frozenset[str]()
    folders = _IGNORED_BY_ENGINE[engine] if engine is not None else frozenset[str]()
    keys: list[str] = []
    with os.scandir(path) as scan:
        for item in scan:
            name = item.name
            # Links to directories are leaves: they may lead outside, or around in circles.
            try:
                is_dir = item.is_dir(follow_symlinks=False)
            except OSError:
                is_dir = False
            if name in anywhere or (is_dir and name in folders):
                continue
            keys.append(f"{_DIRECTORY if is_dir else _FILE}{name.casefold()}\0{name}")
    return _sorted_in_runs(keys), stamp


def _sorted_in_runs(keys: list[str]) -> list[str]:
    """Sort without holding the interpreter's lock for long.

    One sort of 50,000 texts would stall the window for tens of milliseconds. A sample divides the
    keys into runs that are sorted one by one, and the lock is offered in between.
    """
    if len(keys) <= _RUN_ROWS:
        return sorted(keys)
    bounds = sorted(keys[:: _RUN_ROWS // 8])[8::8]
    runs: list[list[str]] = [[] for _ in range(len(bounds) + 1)]
    for count, key in enumerate(keys):
        runs[bisect(bounds, key)].append(key)
        if count % _RUN_ROWS == 0:
            time.sleep(0)
    ordered: list[str] = []
    for run in runs:
        run.sort()
        ordered += run
        time.sleep(0)
    return ordered


def changed_rows(old: list[str], new: list[str]) -> tuple[list[range], list[range]]:
    """Return the runs of rows of ``old`` that left, and of ``new`` that came; it runs in a thread.

    Removing the former from the end to the start and then inserting the latter from the start to
    the end turns one list into the other.
    """
    before, after = set(old), set(new)
    return _runs(old, after), _runs(new, before)


def _runs(keys: list[str], other: set[str]) -> list[range]:
    runs: list[range] = []
    first = -1
    for row, key in enumerate(keys):
        if key in other:
            if first >= 0:
                runs.append(range(first, row))
                first = -1
        elif first < 0:
            first = row
    if first >= 0:
        runs.append(range(first, len(keys)))
    return runs
