"""Operations on projects: add, find, change, remove."""

from __future__ import annotations

import asyncio
import unicodedata
from pathlib import Path
from typing import Any

from slate_desktop.control.operations import Operations
from slate_desktop.domain.container import parse_container_config
from slate_desktop.domain.engine import Engine, EngineDetection, detect_engine
from slate_desktop.domain.fields import check_argv
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.project import Project
from slate_desktop.errors import CommandError, ErrorCode

MAX_NAME_CHARS = 100


class ProjectOperations(Operations):
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

        The engine and its version are detected from marker files unless ``engine`` names one. A
        name and a custom project's command may stand in the directory's ``slate.toml``.

        Raises:
            CommandError: ``bad_request`` for something that is no directory, a bad name, an empty
                command, or a directory whose engine is not clear.
        """
        from slate_desktop.domain.project_file import read_project_file

        root = await asyncio.to_thread(_directory, path)
        known = await self._with_root(str(root))
        if known is not None:
            return known
        detection = await asyncio.to_thread(detect_engine, root)
        chosen = _engine(engine) if engine is not None else _clear_engine(detection)
        said = await asyncio.to_thread(read_project_file, root)
        if command is None and chosen is Engine.CUSTOM:
            command = said.command
        try:
            project = await self.db.projects.add(
                name=_check_name(name if name is not None else said.name or root.name or "project"),
                owner_id=self.user.id,
                root=str(root),
                engine=chosen.value,
                engine_version=detection.version if detection.engine is chosen else None,
                command=None if command is None else check_argv(command, "command"),
            )
        except CommandError:
            # Somebody else may have added it in this moment.
            known = await self._with_root(str(root))
            if known is not None:
                return known
            raise
        # Who starts a session in it right now is to hear what becomes of it.
        await self._until_heard(project.id)
        self._projects_changed.emit()
        return project

    async def get_project(self, project_id: str) -> Project:
        """Return a project.

        Raises:
            CommandError: ``not_found``.
        """
        return await self.db.projects.get(check_id(project_id, "project_id"))

    async def list_projects(self) -> list[Project]:
        """Return the projects of this user, by name."""
        return await self.db.projects.list(member=self.user.id)

    async def find_project(self, text: str) -> Project:
        """Return the one project whose id, unique id prefix, name or path is ``text``.

        Raises:
            CommandError: ``not_found``, or ``bad_request`` when several fit.
        """
        found = await self.db.projects.find(text, member=self.user.id) if text.strip() else []
        if not found and text.strip():
            root = await asyncio.to_thread(lambda: str(Path(text).expanduser().resolve()))
            found = await self.db.projects.find(root, member=self.user.id)
            found = [project for project in found if project.root == root]
        if not found:
            raise CommandError(
                ErrorCode.NOT_FOUND,
                f"There is no project {text!r}.",
                field="project",
                hint="`slate project list` shows them; `slate project add PATH` adds one.",
            )
        for exact in (
            [project for project in found if project.id == text],
            [project for project in found if project.root == text],
            [project for project in found if project.name.casefold() == text.casefold()],
            found,
        ):
            if len(exact) == 1:
                return exact[0]
            if exact:
                names = ", ".join(f"{project.name} ({project.id[:8]})" for project in exact[:5])
                raise CommandError(
                    ErrorCode.BAD_REQUEST,
                    f"{text!r} may mean several projects: {names}.",
                    field="project",
                    hint="Give more of the id.",
                )
        raise AssertionError("unreachable")

    async def update_project(
        self,
        project_id: str,
        *,
        name: str | None = None,
        engine: Engine | str | None = None,
        command: list[str] | None = None,
        settings: dict[str, Any] | None = None,
    ) -> Project:
        """Change what is given; ``settings`` replaces the container overrides.

        Raises:
            CommandError: ``not_found``, or ``bad_request`` for a value that cannot be used.
        """
        if settings is not None:
            parse_container_config(settings)
        project = await self.db.projects.update(
            check_id(project_id, "project_id"),
            name=None if name is None else _check_name(name),
            engine=None if engine is None else _engine(engine).value,
            command=None if command is None else check_argv(command, "command"),
            settings=settings,
        )
        self._projects_changed.emit()
        return project

    async def remove_project(self, project_id: str) -> None:
        """Remove a project from SLATE (soft delete); its files stay.

        Raises:
            CommandError: ``not_found``; ``illegal_state`` while a session of it is live.
        """
        await self.db.projects.remove(check_id(project_id, "project_id"))
        self._projects_changed.emit()
        self._sessions_changed.emit()

    async def _with_root(self, root: str) -> Project | None:
        found = await self.db.projects.find(root, member=self.user.id)
        return next((project for project in found if project.root == root), None)


def _directory(path: str | Path) -> Path:
    text = str(path)
    if not text.strip() or "\x00" in text:
        raise _bad("path", "A project needs the path of a directory.")
    try:
        root = Path(text).expanduser().resolve(strict=True)
        is_directory = root.is_dir()
    except (OSError, RuntimeError) as exc:
        reason = getattr(exc, "strerror", None) or "it cannot be reached"
        raise _bad("path", f"{text} is not a directory: {reason}.") from exc
    if not is_directory:
        raise _bad("path", f"{root} is a file; a project is a directory.")
    if root == Path(root.anchor):
        raise _bad("path", "The root of the file system cannot be a project.")
    return root


def _clear_engine(detection: EngineDetection) -> Engine:
    """Return the engine that was found, when it is the only reading of the directory."""
    if detection.problem is None:
        return detection.engine
    is_only_version_unknown = (
        detection.version is None
        and len(detection.candidates) <= 1
        and detection.engine is not Engine.CUSTOM
    )
    if is_only_version_unknown:
        return detection.engine
    raise CommandError(
        ErrorCode.BAD_REQUEST,
        detection.problem,
        field="engine",
        details={"candidates": detection.candidates},
        hint="Name the engine: --engine unity, unreal, godot or custom.",
    )


def _engine(value: Engine | str) -> Engine:
    try:
        return Engine(value)
    except ValueError as exc:
        raise _bad("engine", f"engine must be one of: {', '.join(Engine)}") from exc


def _check_name(name: str) -> str:
    text = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(text) <= MAX_NAME_CHARS:
        raise _bad("name", f"A project's name has 1 to {MAX_NAME_CHARS} characters.")
    # Control, format (direction overrides), surrogate and line separators spoil every list.
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in text):
        raise _bad("name", "A project's name holds characters that cannot be shown.")
    return text


def _bad(field: str, message: str) -> CommandError:
    return CommandError(ErrorCode.BAD_REQUEST, message, field=field)
