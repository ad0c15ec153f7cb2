"""Folders that are shown without being projects: they need no server, and nothing can be started.

They stand in the tree like projects do, under an id that no subject and no row can have.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from slate_desktop.domain.engine import detect_engine
from slate_desktop.domain.project import Project

_PREFIX = "folder:"


def as_project(root: Path) -> Project:
    """Return what stands for a folder in the tree."""
    found = detect_engine(root)
    now = datetime.now(UTC)
    return Project(
        id=f"{_PREFIX}{root}",
        name=root.name or str(root),
        owner_id="",
        root=str(root),
        engine=found.engine,
        engine_version=found.version,
        created_at=now,
        updated_at=now,
    )


def is_folder(project: Project | None) -> bool:
    """Tell whether this is a folder rather than a project."""
    return project is not None and project.id.startswith(_PREFIX)
