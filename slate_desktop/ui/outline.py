"""A tree as a list of the rows that are open, so that a view asks for what it shows only.

A tree view asks its model about every row of an open folder at each change. Here a batch of rows,
however large the folder, is a change of two numbers: each open row (a *branch*) knows how many
rows it shows below itself, and a row of the list is found by walking the open branches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from slate_desktop.ui.project_model import ProjectModel
from slate_desktop.ui.project_nodes import Node

Index = QModelIndex | QPersistentModelIndex
DEPTH_ROLE = Qt.ItemDataRole.UserRole + 10
# True where a row is open, False where it can be opened, else None.
OPEN_ROLE = Qt.ItemDataRole.UserRole + 11

_SEEN_ROWS = 4096


class Branch:
    """A row that is or was open. ``size`` counts the rows below it, shown when all is open above.

    A closed branch is kept, so that what was open below it is open again with it.
    """

    __slots__ = ("children", "is_open", "node", "parent", "size")

    def __init__(self, node: Node | None, parent: Branch | None, size: int) -> None:
        self.node = node
        self.parent = parent
        self.size = size
        self.is_open = parent is None
        self.children: list[Branch] = []

    def grow(self, rows: int) -> None:
        """Count rows that came (or went, below 0)."""
        branch: Branch | None = self
        while branch is not None:
            branch.size += rows
            branch = branch.parent if branch.is_open else None


class OutlineModel(QAbstractListModel):
    """The open rows of a project model."""

    opened = Signal(object)  # node
    closed = Signal(object)  # node

    def __init__(self, source: ProjectModel, parent: QObject) -> None:
        super().__init__(parent)
        self.source = source
        self._root = Branch(None, None, source.count(None))
        self._branches: dict[int, Branch] = {id(None): self._root}
        self._seen: dict[int, tuple[Node, int]] = {}
        self._pending: tuple[Branch, int, list[Branch], bool] | None = None
        self._is_moving = False
        source.rowsAboutToBeInserted.connect(self._on_rows_about_to_be_inserted)
        source.rowsInserted.connect(self._on_rows_changed)
        source.rowsAboutToBeRemoved.connect(self._on_rows_about_to_be_removed)
        source.rowsRemoved.connect(self._on_rows_changed)
        source.rowsAboutToBeMoved.connect(self._on_rows_about_to_be_moved)
        source.rowsMoved.connect(self._on_rows_moved)
        source.modelAboutToBeReset.connect(self.beginResetModel)
        source.modelReset.connect(self._on_reset)
        source.dataChanged.connect(self._on_data_changed)

    # -- rows and nodes --------------------------------------------------------------------

    def node_at(self, row: int) -> Node | None:
        """Return what a row shows."""
        return self._look_up(row)[0] if 0 <= row < self._root.size else None

    def row_of(self, node: Node) -> int:
        """Return the row that shows a node, or -1 where something above it is closed."""
        branch = self._branches.get(id(self.source.parent_of(node)))
        first = -1 if branch is None else self._first_row(branch)
        if branch is None or first < 0:
            return -1
        return first + self._offset(branch, self.source.row_of(node))

    def parent_row(self, row: int) -> int:
        """Return the row above in the tree, or -1."""
        node = self.node_at(row)
        parent = None if node is None else self.source.parent_of(node)
        return -1 if parent is None else self.row_of(parent)

    def rows_below(self, row: int) -> int:
        """Return how many rows an open row shows below itself."""
        node = self.node_at(row)
        branch = None if node is None else self._branches.get(id(node))
        return branch.size if branch is not None and branch.is_open else 0

    # -- opening and closing ---------------------------------------------------------------

    def is_open(self, node: Node) -> bool:
        """Tell whether a row is open."""
        branch = self._branches.get(id(node))
        return branch is not None and branch.is_open

    def open(self, node: Node) -> None:
        """Show what is below a node; what was not read is asked for."""
        branch = self._branch(node)
        if not branch.is_open and self.source.has_children(node):
            self._set_open(branch, is_open=True)
            index = self.source.index_of(node)
            if self.source.canFetchMore(index):
                self.source.fetchMore(index)
            self.opened.emit(node)

    def close(self, node: Node) -> None:
        """Show nothing below a node."""
        branch = self._branches.get(id(node))
        if branch is not None and branch.is_open:
            self._set_open(branch, is_open=False)
            self.closed.emit(node)

    def reveal(self, node: Node) -> None:
        """Open everything above a node."""
        parent = self.source.parent_of(node)
        if parent is not None:
            self.reveal(parent)
            self.open(parent)

    # -- QAbstractListModel ----------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many rows are open."""
        return 0 if parent.isValid() else self._root.size

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the view paints and a screen reader tells."""
        if not index.isValid() or index.row() >= self._root.size:
            return None
        node, depth = self._look_up(index.row())
        if role == DEPTH_ROLE:
            return depth
        if role == OPEN_ROLE:
            return self.is_open(node) if self.source.has_children(node) else None
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return self._description(node, depth)
        return self.source.node_data(node, role)

    def match(
        self,
        start: Index,
        role: int,
        value: Any,
        hits: int = 1,
        flags: Qt.MatchFlag = Qt.MatchFlag.MatchStartsWith,
    ) -> list[QModelIndex]:
        """Find the next row whose name begins with a text, without looking at every row."""
        is_by_start = flags & Qt.MatchFlag.MatchTypeMask == Qt.MatchFlag.MatchStartsWith
        if role != Qt.ItemDataRole.DisplayRole or hits != 1 or not is_by_start:
            return super().match(start, role, value, hits, flags)
        row = self._find(str(value), start.row(), self._root.size)
        if row is None and flags & Qt.MatchFlag.MatchWrap:
            row = self._find(str(value), 0, start.row())
        return [] if row is None else [self.index(row)]

    # -- walking ---------------------------------------------------------------------------

    def _look_up(self, row: int) -> tuple[Node, int]:
        found = self._seen.get(row)
        if found is None:
            if len(self._seen) >= _SEEN_ROWS:
                self._seen.clear()
            found = self._seen[row] = self._walk(row)
        return found

    def _walk(self, row: int) -> tuple[Node, int]:
        branch, depth = self._root, 0
        while True:
            passed, inner = 0, None
            for child, place in self._open_below(branch):
                at = place + passed
                if row <= at:
                    break
                if row <= at + child.size:
                    inner = child
                    row -= at + 1
                    break
                passed += child.size
            if inner is None:
                return self.source.child(branch.node, row - passed), depth
            branch, depth = inner, depth + 1

    def _open_below(self, branch: Branch) -> Iterator[tuple[Branch, int]]:
        """Give the open branches right below one, each with its place among the siblings."""
        for child in branch.children:
            if child.is_open and child.size and child.node is not None:
                yield child, self.source.row_of(child.node)

    def _offset(self, branch: Branch, place: int) -> int:
        """Return how many rows below a branch stand above its child at ``place``."""
        below = self._open_below(branch)
        return place + sum(child.size for child, other in below if other < place)

    def _first_row(self, branch: Branch) -> int:
        """Return the row of a branch's first child, or -1 where it is hidden."""
        if branch.node is None:
            return 0
        row = self.row_of(branch.node) if branch.is_open else -1
        return row + 1 if row >= 0 else -1

    def _spans(self, branch: Branch, at: int) -> Iterator[tuple[int, Node | None, int, int]]:
        """Give runs of siblings in order: first row, parent, first and last + 1 place."""
        begin = 0
        for child, place in self._open_below(branch):
            yield at, branch.node, begin, place + 1
            at += place + 1 - begin
            yield from self._spans(child, at)
            at, begin = at + child.size, place + 1
        yield at, branch.node, begin, self.source.count(branch.node)

    def _find(self, text: str, first: int, stop: int) -> int | None:
        for at, parent, begin, end in self._spans(self._root, 0):
            low, high = begin + max(0, first - at), begin + min(end - begin, stop - at)
            place = self.source.find_name(parent, text, low, high) if low < high else None
            if place is not None:
                return at + place - begin
        return None

    # -- branches --------------------------------------------------------------------------

    def _branch(self, node: Node) -> Branch:
        branch = self._branches.get(id(node))
        if branch is None:
            parent_node = self.source.parent_of(node)
            parent = self._root if parent_node is None else self._branch(parent_node)
            branch = Branch(node, parent, self.source.count(node))
            parent.children.append(branch)
            self._sort(parent)
            self._branches[id(node)] = branch
        return branch

    def _sort(self, branch: Branch) -> None:
        branch.children.sort(key=lambda b: self.source.row_of(b.node) if b.node is not None else 0)

    def _forget(self, branch: Branch) -> None:
        self._branches.pop(id(branch.node), None)
        for child in branch.children:
            self._forget(child)

    def _set_open(self, branch: Branch, *, is_open: bool) -> None:
        node, parent = branch.node, branch.parent
        if node is None or parent is None:
            return
        row = self.row_of(node)
        is_shown = row >= 0 and branch.size > 0
        if is_shown:
            begin = self.beginInsertRows if is_open else self.beginRemoveRows
            begin(QModelIndex(), row + 1, row + branch.size)
        branch.is_open = is_open
        parent.grow(branch.size if is_open else -branch.size)
        self._seen.clear()
        if is_shown:
            self.endInsertRows() if is_open else self.endRemoveRows()
        if row >= 0:
            self.dataChanged.emit(self.index(row), self.index(row))

    def _description(self, node: Node, depth: int) -> str:
        words = [str(self.source.badge(node))]
        if self.source.has_children(node):
            words.append(self.tr("open") if self.is_open(node) else self.tr("closed"))
        words.append(self.tr("level {n}").format(n=depth + 1))
        return ", ".join(filter(None, words))

    # -- events of the source --------------------------------------------------------------

    def _branch_of(self, parent: QModelIndex) -> Branch | None:
        return self._branches.get(id(self.source.node(parent)))

    def _on_rows_about_to_be_inserted(self, parent: QModelIndex, first: int, last: int) -> None:
        branch = self._branch_of(parent)
        if branch is None:
            return
        top, rows = self._first_row(branch), last - first + 1
        if top >= 0:
            top += self._offset(branch, first)
            self.beginInsertRows(QModelIndex(), top, top + rows - 1)
        self._pending = (branch, rows, [], top >= 0)

    def _on_rows_about_to_be_removed(self, parent: QModelIndex, first: int, last: int) -> None:
        branch = self._branch_of(parent)
        if branch is None:
            return
        gone = [
            child
            for child in branch.children
            if child.node is not None and first <= self.source.row_of(child.node) <= last
        ]
        rows = last - first + 1 + sum(child.size for child in gone if child.is_open)
        top = self._first_row(branch)
        if top >= 0:
            top += self._offset(branch, first)
            self.beginRemoveRows(QModelIndex(), top, top + rows - 1)
        self._pending = (branch, -rows, gone, top >= 0)

    def _on_rows_changed(self, *_: object) -> None:
        if self._pending is None:
            return
        branch, rows, gone, is_shown = self._pending
        self._pending = None
        for child in gone:
            branch.children.remove(child)
            self._forget(child)
        branch.grow(rows)
        self._seen.clear()
        if is_shown:
            self.endInsertRows() if rows > 0 else self.endRemoveRows()

    def _on_rows_about_to_be_moved(
        self, parent: QModelIndex, first: int, last: int, _target: QModelIndex, row: int
    ) -> None:
        # Only sessions move, and nothing is open below them.
        branch = self._branch_of(parent)
        top = -1 if branch is None else self._first_row(branch)
        if top >= 0:
            none = QModelIndex()
            self._is_moving = self.beginMoveRows(none, top + first, top + last, none, top + row)

    def _on_rows_moved(self, *_: object) -> None:
        self._seen.clear()
        if self._is_moving:
            self._is_moving = False
            self.endMoveRows()

    def _on_reset(self) -> None:
        """Projects changed their order; what was open stays so."""
        kept = [b for b in self._root.children if b.node in self.source.items]
        for branch in self._root.children:
            if branch not in kept:
                self._forget(branch)
        self._root.children = kept
        self._sort(self._root)
        self._root.size = self.source.count(None) + sum(b.size for b in kept if b.is_open)
        self._seen.clear()
        self.endResetModel()

    def _on_data_changed(self, first: QModelIndex, last: QModelIndex, *_: object) -> None:
        parent = self.source.node(first.parent())
        for place in range(first.row(), last.row() + 1):
            row = self.row_of(self.source.child(parent, place))
            if row >= 0:
                self.dataChanged.emit(self.index(row), self.index(row))
