"""What the Project pane has rows for: projects, under each its sessions and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from slate_desktop.domain.project import Project
from slate_desktop.domain.session import RuntimeSession

if TYPE_CHECKING:
    from slate_desktop.control.tree import ProjectTree, TreeNode


class ProjectItem:
    """A project at the top level; ``tree`` is None until it is opened."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.tree: ProjectTree | None = None
        self.group = SessionGroup(self)


class SessionGroup:
    """The row "Sessions" of a project."""

    def __init__(self, owner: ProjectItem) -> None:
        self.owner = owner
        self.items: list[SessionItem] = []


class SessionItem:
    """A session of a project."""

    def __init__(self, group: SessionGroup, session: RuntimeSession) -> None:
        self.group = group
        self.session = session


Node: TypeAlias = "ProjectItem | SessionGroup | SessionItem | TreeNode"


_OWN_NODES = (ProjectItem, SessionGroup, SessionItem)


def is_file(node: Node | None) -> TypeGuard[TreeNode]:
    """Tell whether a node is a file or directory; its class is imported after the first paint."""
    return node is not None and type(node) not in _OWN_NODES
