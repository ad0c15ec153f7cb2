"""Operations on projects: add, find, change, remove."""

from __future__ import annotations

from pathlib import Path

from slate_desktop.domain.engine import Engine
from slate_desktop.domain.project import Project


class ProjectOperations:
    """The part of ``Slate`` that works on projects."""

    async def add_project(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        engine: Engine | str | None = None,
        command: list[str] | None = None,
    ) -> Project:
        """Add the directory ``path``, or return the project that already has this root.

        The engine and its version are detected from marker files unless ``engine`` names one.

        Raises:
            CommandError: ``bad_request`` for something that is no directory, a bad name, an empty
                command, or a directory whose engine is not clear.
        """
        raise NotImplementedError

    async def get_project(self, project_id: str) -> Project:
        """Return a project.

        Raises:
            CommandError: ``not_found``.
        """
        raise NotImplementedError

    async def list_projects(self) -> list[Project]:
        """Return the projects of this user, by name."""
        raise NotImplementedError

    async def find_project(self, text: str) -> Project:
        """Return the one project whose id, unique id prefix, name or path is ``text``.

        Raises:
            CommandError: ``not_found``, or ``bad_request`` when several fit.
        """
        raise NotImplementedError

    async def update_project(
        self,
        project_id: str,
        *,
        name: str | None = None,
        engine: Engine | str | None = None,
        command: list[str] | None = None,
        settings: dict[str, object] | None = None,
    ) -> Project:
        """Change what is given; ``settings`` replaces the container overrides."""
        raise NotImplementedError

    async def remove_project(self, project_id: str) -> None:
        """Remove a project from SLATE (soft delete); its files stay.

        Raises:
            CommandError: ``not_found``; ``illegal_state`` while a session of it is live.
        """
        raise NotImplementedError
