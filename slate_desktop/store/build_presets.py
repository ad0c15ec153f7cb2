"""Sets of build options that projects keep under a name."""

from __future__ import annotations

import msgspec

from slate_desktop.domain.builds.presets import BuildPreset
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.store.errors import not_found
from slate_desktop.store.port import Runner


class BuildPresets:
    """Rows of ``slate_build_presets``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def list(self, project_id: str) -> list[BuildPreset]:
        """Return the presets of a project, by name."""
        rows = await self._run.many("list_build_presets", project_id=project_id)
        return [
            msgspec.convert({**row["preset"], "name": row["name"]}, BuildPreset) for row in rows
        ]

    async def save(self, project_id: str, preset: BuildPreset, *, can_replace: bool) -> None:
        """Keep a preset under its name.

        Raises:
            CommandError: ``bad_request`` naming ``name`` when it is taken and may not be replaced,
                ``not_found`` for an unknown project.
        """
        values = msgspec.to_builtins(preset)
        fields = {"project_id": project_id, "name": values.pop("name"), "preset": values}
        if can_replace:
            await self._run.run("upsert_build_preset", **fields)
        elif await self._run.value("insert_build_preset", **fields) is None:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"The project has a preset {preset.name!r} already.",
                field="name",
                hint="Choose another name, or replace it.",
            )

    async def delete(self, project_id: str, name: str) -> None:
        """Remove a preset; raises ``not_found``."""
        if await self._run.value("delete_build_preset", project_id=project_id, name=name) is None:
            raise not_found("preset in this project", "name")
