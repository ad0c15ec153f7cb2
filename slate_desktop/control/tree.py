"""The project tree: lazy, watched, and quick with 50,000 files in one folder."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from psygnal import Signal

from slate_desktop.domain.engine import EngineDetection


class NodeState(Enum):
    """Whether a directory's children are known."""

    UNLOADED = "unloaded"
    LOADING = "loading"
    LOADED = "loaded"
    FAILED = "failed"


class TreeNode:
    """A file or a directory. Children are directories first, then by name, in any case."""

    __slots__ = ("children", "is_dir", "name", "parent", "problem", "sort_key", "state")

    name: str
    is_dir: bool
    parent: TreeNode | None
    children: list[TreeNode]
    state: NodeState
    problem: str

    @property
    def path(self) -> Path:
        """The absolute path."""
        raise NotImplementedError

    @property
    def row(self) -> int:
        """The place among its parent's children, 0 for the root."""
        raise NotImplementedError


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

    root: TreeNode
    engine: EngineDetection | None

    def __init__(self, root: Path, *, show_ignored: bool = False) -> None:
        raise NotImplementedError

    async def open(self) -> None:
        """Detect the engine, load the first level and begin to watch."""
        raise NotImplementedError

    async def load(self, node: TreeNode) -> None:
        """Read a directory that was not read; does nothing for others."""
        raise NotImplementedError

    def unload(self, node: TreeNode) -> None:
        """Forget a directory's children and stop watching it, when it is collapsed."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Stop watching."""
        raise NotImplementedError
