"""Icons of the Project pane's rows."""

from __future__ import annotations

from PySide6.QtGui import QIcon

from slate_desktop.ui import icons, status
from slate_desktop.ui.project_nodes import Node, ProjectItem, SessionGroup, SessionItem
from slate_desktop.ui.tokens import Tokens

_FILE_ICONS = {
    **dict.fromkeys(("png", "jpg", "jpeg", "webp", "tga", "dds", "ktx2", "svg"), "file-image"),
    **dict.fromkeys(("ogg", "wav", "mp3", "flac", "opus"), "file-audio"),
    **dict.fromkeys(("glb", "gltf", "fbx", "obj", "blend", "mesh"), "box"),
    **dict.fromkeys(("gd", "cs", "cpp", "h", "py", "sh", "js", "ts", "shader"), "file-code"),
    **dict.fromkeys(("md", "txt", "json", "toml", "cfg", "ini", "yaml", "yml"), "file-text"),
}


def icon_of(node: Node, tokens: Tokens) -> QIcon:
    """Return a row's icon: what a file is by its name, and how a session does."""
    if isinstance(node, ProjectItem):
        return icons.icon("gamepad-2", tokens, "accent.text")
    if isinstance(node, SessionGroup):
        return icons.icon("terminal", tokens)
    if isinstance(node, SessionItem):
        icon, role = status.status_look(node.session.status)
        return icons.icon(icon, tokens, role)
    if node.is_dir:
        return icons.icon("folder", tokens)
    return icons.icon(_FILE_ICONS.get(node.name.rpartition(".")[2].lower(), "file"), tokens)
