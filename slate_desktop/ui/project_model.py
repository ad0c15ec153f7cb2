"""The item model of the Project pane: projects, under each its sessions and its files.

Adapts the control layer's trees and session list to Qt; holds no truth of its own. Nodes are found
by number, so that an index of something that is gone is empty instead of dangerous.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from slate_desktop.domain.project import Project
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.translation import sentence
from slate_desktop.ui import status
from slate_desktop.ui.jobs.words import badge
from slate_desktop.ui.project_icons import icon_of
from slate_desktop.ui.project_nodes import Node, ProjectItem, SessionGroup, SessionItem, is_file
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.tree import ProjectTree, TreeNode

Index = QModelIndex | QPersistentModelIndex
KIND_ROLE = Qt.ItemDataRole.UserRole
NODE_ROLE = Qt.ItemDataRole.UserRole + 1
BADGE_ROLE = Qt.ItemDataRole.UserRole + 2


class ProjectModel(QAbstractItemModel):
    """Projects → Sessions and files.

    Args:
        load: called with a tree and a directory whose children are wanted.
    """

    def __init__(
        self, theme: Theme, load: Callable[[ProjectTree, TreeNode], object], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._theme, self._load = theme, load
        self.items: list[ProjectItem] = []
        self._nodes: dict[int, Node] = {}
        self._trees: dict[int, ProjectItem] = {}
        self._states: dict[str, Mapping[str, str]] = {}

    # -- what is in it ---------------------------------------------------------------------

    def set_projects(self, projects: list[Project]) -> list[ProjectItem]:
        """Show these projects in this order; returns the items that left, with their trees."""
        known = {item.project.id: item for item in self.items}
        wanted = [known.get(project.id) or ProjectItem(project) for project in projects]
        for item, project in zip(wanted, projects, strict=True):
            item.project = project
        gone = [item for item in self.items if item not in wanted]
        if wanted == self.items:
            if self.items:
                last = len(self.items) - 1
                self.dataChanged.emit(self.index(0, 0), self.index(last, 0))
            return []
        for item in gone:
            row = self.items.index(item)
            self.beginRemoveRows(QModelIndex(), row, row)
            self.items.remove(item)
            self._forget(item)
            self.endRemoveRows()
        for row, item in enumerate(wanted):
            if row < len(self.items) and self.items[row] is item:
                continue
            if item in self.items:
                self.beginResetModel()
                self.items = wanted
                self.endResetModel()
                break
            self.beginInsertRows(QModelIndex(), row, row)
            self.items.insert(row, item)
            self.endInsertRows()
        return gone

    def attach_tree(self, item: ProjectItem, tree: ProjectTree) -> None:
        """Show the files of a project as its tree finds them."""
        item.tree = tree
        self._trees[id(tree.root)] = item
        tree.inserting.connect(self._on_inserting)
        tree.inserted.connect(self._on_inserted)
        tree.removing.connect(self._on_removing)
        tree.removed.connect(self._on_removed)
        tree.node_changed.connect(self._on_node_changed)
        tree.engine_changed.connect(lambda _engine: self._touch(item))

    def set_sessions(self, sessions: list[RuntimeSession]) -> None:
        """Show the sessions, newest first, below their projects."""
        for item in self.items:
            wanted = [s for s in sessions if s.project_id == item.project.id]
            old = {entry.session.id: entry for entry in item.group.items}
            entries = [old.get(s.id) or SessionItem(item.group, s) for s in wanted]
            for entry, session in zip(entries, wanted, strict=True):
                entry.session = session
            self._replace_sessions(item.group, entries)

    def touch_session(self, session: RuntimeSession) -> None:
        """Show a session's new state."""
        for item in self.items:
            for entry in item.group.items:
                if entry.session.id == session.id:
                    entry.session = session
                    self._touch(entry)

    def index_of(self, node: Node) -> QModelIndex:
        """Return where a node stands."""
        self._nodes[id(node)] = node
        return self.createIndex(self.row_of(node), 0, id(node))

    def node(self, index: Index) -> Node | None:
        """Return what an index stands for."""
        return self._nodes.get(index.internalId()) if index.isValid() else None

    def project_of(self, node: Node) -> ProjectItem | None:
        """Return the project that a node belongs to."""
        if isinstance(node, ProjectItem):
            return node
        if isinstance(node, SessionGroup):
            return node.owner
        if isinstance(node, SessionItem):
            return node.group.owner
        while node.parent is not None:
            node = node.parent
        return self._trees.get(id(node))

    # -- structure -------------------------------------------------------------------------

    def child(self, node: Node | None, row: int) -> Node:
        """Return a child by its row; None is above the projects."""
        if node is None:
            return self.items[row]
        if isinstance(node, ProjectItem):
            tree = node.tree
            return node.group if row == 0 or tree is None else tree.root.children[row - 1]
        if isinstance(node, SessionGroup):
            return node.items[row]
        if is_file(node):
            return node.children[row]
        raise IndexError("a session has no children")

    def count(self, node: Node | None) -> int:
        """Return how many children are known."""
        if node is None:
            return len(self.items)
        if isinstance(node, ProjectItem):
            return 1 + (len(node.tree.root.children) if node.tree is not None else 0)
        if isinstance(node, SessionGroup):
            return len(node.items)
        return len(node.children) if is_file(node) and node.is_dir else 0

    def has_children(self, node: Node) -> bool:
        """Tell whether a node may have children, known or not."""
        if is_file(node):
            return node.is_dir and (node.state.value != "loaded" or len(node.children) > 0)
        if isinstance(node, SessionGroup):
            return bool(node.items)
        return isinstance(node, ProjectItem)

    def openable(self, node: Node) -> list[Node]:
        """Return the known children that may have children."""
        if isinstance(node, ProjectItem):
            folders = node.tree.root.children.directories() if node.tree is not None else ()
            return [node.group, *folders]
        return list(node.children.directories()) if is_file(node) else []

    def row_of(self, node: Node) -> int:
        """Return a node's row below its parent."""
        if isinstance(node, ProjectItem):
            return self.items.index(node)
        if isinstance(node, SessionGroup):
            return 0
        if isinstance(node, SessionItem):
            return node.group.items.index(node)
        # A project's own files stand below its row "Sessions".
        is_top = node.parent is not None and node.parent.parent is None
        return node.row + (1 if is_top else 0)

    def parent_of(self, node: Node) -> Node | None:
        """Return what stands above a node, None above a project."""
        if isinstance(node, ProjectItem):
            return None
        if isinstance(node, SessionGroup):
            return node.owner
        if isinstance(node, SessionItem):
            return node.group
        return None if node.parent is None else self._shown(node.parent)

    def find_name(self, node: Node | None, text: str, first: int, stop: int) -> int | None:
        """Return the first row in a range whose name begins with ``text``, in any case."""
        folder, shift = (node, 0) if is_file(node) else (None, 0)
        if isinstance(node, ProjectItem) and first > 0 and node.tree is not None:
            folder, shift = node.tree.root, 1
        if folder is not None:
            row = folder.children.find_prefix(text, first - shift, stop - shift)
            return None if row is None else row + shift
        for row in range(first, stop):
            if self._text(self.child(node, row)).casefold().startswith(text.casefold()):
                return row
            if isinstance(node, ProjectItem):
                return self.find_name(node, text, 1, stop)
        return None

    def _shown(self, folder: TreeNode) -> Node | None:
        """Return the row that stands for a folder: a tree's root is its project."""
        return folder if folder.parent is not None else self._trees.get(id(folder))

    def _index_of_folder(self, folder: TreeNode) -> QModelIndex:
        node = self._shown(folder)
        return self.index_of(node) if node is not None else QModelIndex()

    # -- QAbstractItemModel ----------------------------------------------------------------

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        """Return the index of a child."""
        node = self.node(parent)
        if column != 0 or (node is None and parent.isValid()) or not 0 <= row < self.count(node):
            return QModelIndex()
        child = self.child(node, row)
        self._nodes[id(child)] = child
        return self.createIndex(row, 0, id(child))

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]
        """Return the index of the parent."""
        node = self.node(index)
        above = self.parent_of(node) if node is not None else None
        return self.index_of(above) if above is not None else QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return how many children are known."""
        if parent.isValid() and self.node(parent) is None:
            return 0
        return self.count(self.node(parent))

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """One column."""
        return 1

    def hasChildren(self, parent: Index = QModelIndex()) -> bool:  # noqa: B008
        """Tell whether a node may have children, known or not."""
        node = self.node(parent)
        return bool(self.items) if node is None else self.has_children(node)

    def canFetchMore(self, parent: Index) -> bool:
        """Tell whether a directory was not read yet."""
        node = self.node(parent)
        return is_file(node) and node.is_dir and node.state.value == "unloaded"

    def fetchMore(self, parent: Index) -> None:
        """Ask for a directory's children; they come in batches."""
        node = self.node(parent)
        if is_file(node):
            item = self.project_of(node)
            if item is not None and item.tree is not None:
                self._load(item.tree, node)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the view paints."""
        node = self.node(index)
        return None if node is None else self.node_data(node, role)

    def node_data(self, node: Node, role: int) -> Any:
        """Return what ``data`` returns for a node's index."""
        if role == NODE_ROLE:
            return node
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(node)
        if role == Qt.ItemDataRole.DecorationRole:
            return icon_of(node, self._theme.tokens)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"\u200b{self._tip(node)}"
        return self.badge(node) if role == BADGE_ROLE else None

    # -- looks -----------------------------------------------------------------------------

    def _text(self, node: Node) -> str:
        if isinstance(node, ProjectItem):
            return node.project.name
        if isinstance(node, SessionGroup):
            return self.tr("Sessions")
        if isinstance(node, SessionItem):
            return status.session_title(node.session)
        return node.name

    def badge(self, node: Node) -> str:
        """Return what stands faint at the right: engine, state, problem."""
        if isinstance(node, ProjectItem):
            engine, version = node.project.engine, node.project.engine_version
            found = node.tree.engine if node.tree is not None else None
            if found is not None and found.engine is engine:
                version = found.version or version
            return f"{engine.value.title()} {version}" if version else engine.value.title()
        if isinstance(node, SessionItem):
            return status.status_words(node.session.status)
        if isinstance(node, SessionGroup):
            return str(len(node.items)) if node.items else self.tr("none yet")
        if node.state.value == "loading":
            return self.tr("reading…")
        return self.tr("cannot be read") if node.problem else self._asset_badge(node)

    def set_states(self, project_id: str, states: Mapping[str, str]) -> None:
        """Keep the states of a project's assets, by path below its root."""
        self._states[project_id] = states

    def _asset_badge(self, node: TreeNode) -> str:
        item = self.project_of(node)
        if item is None or node.is_dir:
            return ""
        states = self._states.get(item.project.id)
        if not states or not node.path.is_relative_to(item.project.root):
            return ""
        return badge(states.get(node.path.relative_to(item.project.root).as_posix(), ""))

    def _tip(self, node: Node) -> str:
        if isinstance(node, ProjectItem):
            return node.project.root
        if isinstance(node, SessionItem):
            return f"{self._text(node)} · {status.session_words(node.session)}"
        if is_file(node):
            return sentence(node.problem) or str(node.path)
        return self._text(node)

    def _forget(self, item: ProjectItem) -> None:
        tree = item.tree
        if tree is not None:
            self._trees.pop(id(tree.root), None)
            # It may still be read, and rows that are gone cannot change.
            rows = (tree.inserting, tree.inserted, tree.removing, tree.removed)
            for signal in (*rows, tree.node_changed, tree.engine_changed):
                signal.disconnect()
        self._nodes = {
            key: node
            for key, node in self._nodes.items()
            if node is not item and self.project_of(node) not in (item, None)
        }

    def _replace_sessions(self, group: SessionGroup, entries: list[SessionItem]) -> None:
        parent = self.index_of(group)
        for row in range(len(group.items) - 1, -1, -1):
            if group.items[row] not in entries:
                self.beginRemoveRows(parent, row, row)
                self._nodes.pop(id(group.items[row]), None)
                del group.items[row]
                self.endRemoveRows()
        for row, entry in enumerate(entries):
            if row >= len(group.items) or group.items[row] is not entry:
                if entry in group.items:
                    old = group.items.index(entry)
                    self.beginMoveRows(parent, old, old, parent, row)
                    group.items.insert(row, group.items.pop(old))
                    self.endMoveRows()
                else:
                    self.beginInsertRows(parent, row, row)
                    group.items.insert(row, entry)
                    self.endInsertRows()
            self._touch(entry)
        self._touch(group)

    def _touch(self, node: Node) -> None:
        index = self.index_of(node)
        self.dataChanged.emit(index, index)

    # -- events of a tree ------------------------------------------------------------------

    def _on_inserting(self, parent: TreeNode, first: int, last: int) -> None:
        shift = 1 if parent.parent is None else 0
        self.beginInsertRows(self._index_of_folder(parent), first + shift, last + shift)

    def _on_inserted(self) -> None:
        self.endInsertRows()

    def _on_removing(self, parent: TreeNode, first: int, last: int) -> None:
        shift = 1 if parent.parent is None else 0
        self.beginRemoveRows(self._index_of_folder(parent), first + shift, last + shift)
        stack = parent.children.made(first, last)
        while stack:
            node = stack.pop()
            self._nodes.pop(id(node), None)
            if node.children:
                stack.extend(node.children.made(0, len(node.children) - 1))

    def _on_removed(self) -> None:
        self.endRemoveRows()

    def _on_node_changed(self, node: TreeNode) -> None:
        index = self._index_of_folder(node)
        self.dataChanged.emit(index, index)
