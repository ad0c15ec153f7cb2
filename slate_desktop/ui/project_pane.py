"""The Project pane: the tree of projects with their sessions and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QStackedLayout, QWidget

from slate_desktop.domain.project import Project
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.outline_view import OutlineView
from slate_desktop.ui.project_model import BADGE_ROLE, ProjectModel
from slate_desktop.ui.project_nodes import Node, ProjectItem, SessionItem, is_file
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.tree import ProjectTree, TreeNode


class ProjectPane(QWidget):
    """Shows the tree; says what was chosen and what has to be read.

    ``project_selected`` and ``place_selected`` give a project's id: the latter when something in it
    was chosen, a file or a folder.
    """

    project_selected = Signal(str)
    place_selected = Signal(str)
    session_selected = Signal(str)
    file_wanted = Signal(object)
    tree_wanted = Signal(str)
    load_wanted = Signal(object, object)
    menu_wanted = Signal(object, QPoint)

    def __init__(self, theme: Theme, empty: EmptyState) -> None:
        super().__init__()
        self._is_selecting = False
        self.empty = empty
        self.model = ProjectModel(theme, self._load, self)
        self.view = OutlineView(self.model, theme, BADGE_ROLE, self)
        self.view.setAccessibleName(self.tr("Projects, sessions and files"))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._on_menu)
        self.view.node_activated.connect(self._on_activated)
        self.view.outline.opened.connect(self._on_opened)
        self.view.outline.closed.connect(self._on_closed)
        self.view.selectionModel().currentChanged.connect(self._on_current_changed)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(empty)
        self._stack.addWidget(self.view)

    def set_projects(self, projects: list[Project]) -> list[ProjectItem]:
        """Show these projects; returns the items that left."""
        gone = self.model.set_projects(projects)
        self._stack.setCurrentWidget(self.view if projects else self.empty)
        return gone

    def set_states(self, project_id: str, states: Mapping[str, str]) -> None:
        """Show at a project's files what was processed, is stale, or failed."""
        self.model.set_states(project_id, states)
        self.view.viewport().update()

    def set_sessions(self, sessions: list[RuntimeSession]) -> None:
        """Show the sessions below their projects."""
        counts = {item.project.id: len(item.group.items) for item in self.model.items}
        self.model.set_sessions(sessions)
        for item in self.model.items:
            if len(item.group.items) > counts.get(item.project.id, 0):
                self.view.expand(self.model.index_of(item.group))

    def item(self, project_id: str) -> ProjectItem | None:
        """Return the item of a project."""
        return next((i for i in self.model.items if i.project.id == project_id), None)

    def expand_project(self, project_id: str) -> None:
        """Open a project's row; its files are read then."""
        item = self.item(project_id)
        if item is not None:
            self.view.expand(self.model.index_of(item))

    def select_project(self, project_id: str) -> None:
        """Mark a project without announcing it."""
        item = self.item(project_id)
        if item is not None:
            self._mark(item)

    def select_session(self, session_id: str) -> None:
        """Mark a session without announcing it."""
        for item in self.model.items:
            for entry in item.group.items:
                if entry.session.id == session_id:
                    self.view.expand(self.model.index_of(item))
                    self._mark(entry)

    def _mark(self, node: Node) -> None:
        self._is_selecting = True
        self.view.show_node(node)
        self._is_selecting = False

    def _load(self, tree: ProjectTree, node: TreeNode) -> None:
        self.load_wanted.emit(tree, node)

    def _on_opened(self, node: Node) -> None:
        if isinstance(node, ProjectItem):
            if node.tree is None:
                self.tree_wanted.emit(node.project.id)
            # After the view has laid out the project itself.
            QTimer.singleShot(0, self, lambda: self._expand_group(node))

    def _expand_group(self, item: ProjectItem) -> None:
        if item in self.model.items and item.group.items:
            self.view.expand(self.model.index_of(item.group))

    def _on_closed(self, node: Node) -> None:
        if is_file(node) and node.is_dir:
            item = self.model.project_of(node)
            if item is not None and item.tree is not None:
                item.tree.unload(node)

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        node = self.view.node_at(current)
        if node is None or self._is_selecting:
            return
        if isinstance(node, SessionItem):
            self.session_selected.emit(node.session.id)
            return
        item = self.model.project_of(node)
        if item is not None:
            chosen = self.project_selected if node is item else self.place_selected
            chosen.emit(item.project.id)

    def _on_activated(self, node: Node) -> None:
        if is_file(node) and not node.is_dir:
            self.file_wanted.emit(node.path)

    def _on_menu(self, position: QPoint) -> None:
        node = self.view.node_at(self.view.indexAt(position))
        self.menu_wanted.emit(node, self.view.viewport().mapToGlobal(position))
