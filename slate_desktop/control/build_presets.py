"""The sets of build options that a project keeps under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slate_desktop.control.build_planning import target_of, type_of
from slate_desktop.control.operations import Operations
from slate_desktop.domain.build import BuildType, TargetPlatform
from slate_desktop.domain.ids import check_id

if TYPE_CHECKING:
    from slate_desktop.domain.builds.presets import BuildPreset


class BuildPresetOperations(Operations):
    """The part of ``Slate`` that works on presets of builds."""

    async def list_build_presets(self, project_id: str) -> list[BuildPreset]:
        """Return the presets of a project, by name."""
        return await self.db.build_presets.list(check_id(project_id, "project_id"))

    async def find_build_preset(self, project_id: str, name: str) -> BuildPreset | None:
        """Return a project's preset, None where it has none of this name."""
        wanted = name.strip()
        presets = await self.list_build_presets(project_id)
        return next((preset for preset in presets if preset.name == wanted), None)

    async def save_build_preset(
        self,
        project_id: str,
        name: str,
        build_type: BuildType | str,
        target_platform: TargetPlatform | str,
        *,
        source_commit: str | None = None,
        options: Mapping[str, Any] | None = None,
        can_replace: bool = False,
    ) -> BuildPreset:
        """Keep what a build is asked for under a name.

        Args:
            project_id: whose preset it is.
            name: one line of at most 64 characters.
            build_type: development, staging or production.
            target_platform: one of the nine platforms.
            source_commit: 7 to 40 hexadecimal digits.
            options: see ``domain.builds.options.BuildOptions``, either spelling.
            can_replace: take the place of a preset of this name.

        Raises:
            CommandError: ``bad_request`` naming the field, ``not_found``.
        """
        from slate_desktop.domain.builds.presets import make_preset

        project = await self.db.projects.get(check_id(project_id, "project_id"))
        preset = make_preset(
            name,
            type_of(build_type),
            target_of(target_platform),
            source_commit=source_commit,
            options=options,
        )
        await self.db.build_presets.save(project.id, preset, can_replace=can_replace)
        return preset

    async def delete_build_preset(self, project_id: str, name: str) -> None:
        """Remove a preset of a project; raises ``not_found``."""
        from slate_desktop.domain.builds.presets import check_preset_name

        await self.db.build_presets.delete(
            check_id(project_id, "project_id"), check_preset_name(name)
        )
