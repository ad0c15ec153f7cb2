"""What the window remembers of projects, so that the tree shows them without the database."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime

from slate_desktop.domain.project import Project
from slate_desktop.ui.window_state import WindowState

_MOST, _MOST_RECENT = 500, 50
# Of projects that were looked at last, in lists that the user sees.
MOST_SHOWN = 8


def keep(state: WindowState, projects: Sequence[Project], folders: Sequence[Project]) -> None:
    """Write projects, and folders that are none, into the window's state."""
    state.folders = [folder.root for folder in folders]
    state.projects = [
        {
            "id": project.id,
            "name": project.name,
            "root": project.root,
            "engine": project.engine.value,
            "engine_version": project.engine_version,
        }
        for project in projects
    ]


def recall(state: WindowState) -> list[Project]:
    """Return the projects of the last time."""
    from slate_desktop.domain.engine import Engine

    found: list[Project] = []
    now = datetime.now(UTC)
    for entry in state.projects[:_MOST]:
        with contextlib.suppress(KeyError, ValueError, TypeError):
            version = entry.get("engine_version")
            project = Project(
                id=str(entry["id"]),
                name=str(entry["name"]),
                owner_id="",
                root=str(entry["root"]),
                engine=Engine(entry["engine"]),
                engine_version=str(version) if version else None,
                created_at=now,
                updated_at=now,
            )
            found.append(project)
    return found


def note_recent(state: WindowState, project_id: str) -> None:
    """Make a project the one that was looked at last."""
    recent = [project_id, *(name for name in state.recent if name != project_id)]
    state.project_id, state.recent = project_id, recent[:_MOST_RECENT]


def recent(state: WindowState, projects: Sequence[Project]) -> list[Project]:
    """Return those of ``projects`` that were looked at, the last one first."""
    known = {project.id: project for project in projects}
    return [known[name] for name in dict.fromkeys(state.recent) if name in known][:MOST_SHOWN]


def forget_recent(state: WindowState, projects: Sequence[Project]) -> None:
    """Forget that these were looked at; those of other servers stay in the list."""
    known = {project.id for project in projects}
    state.recent = [name for name in state.recent if name not in known]
