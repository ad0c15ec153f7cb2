"""Presets that the members of a project share, as rows, and all that its assets may have.

A file of the project (``preset_files``) wins over a row of the same id, and a row over a shipped
preset.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.control.sync import SyncOperations
from slate_desktop.domain.ids import check_id

if TYPE_CHECKING:
    from slate_desktop.domain.assets.presets import AssetPreset


class AssetPresetOperations(SyncOperations):
    """The part of ``Slate`` that keeps presets of projects."""

    async def project_presets(self, project_id: str) -> dict[str, AssetPreset]:
        """Return the presets that all members of a project share, by id.

        Raises:
            SettingsError: one of them is not sound.
        """
        from slate_desktop.domain.assets.presets import parse_preset

        rows = await self.db.assets.presets(check_id(project_id, "project_id"))
        return {preset_id: parse_preset(preset_id, values) for preset_id, values in rows.items()}

    async def all_asset_presets(self, project_id: str) -> tuple[AssetPreset, ...]:
        """Return every preset that assets of a project may have: shipped, shared, and its files.

        Raises:
            SettingsError: a preset's file is not sound.
        """
        from slate_desktop.control.preset_files import PresetFiles
        from slate_desktop.domain.assets.presets import merge_presets, shipped_presets

        project = await self.db.projects.get(check_id(project_id, "project_id"))
        shared = await self.project_presets(project_id)
        files = await asyncio.to_thread(PresetFiles(Path(project.root)).read)
        return merge_presets(shipped_presets(), shared.values(), files)

    async def save_project_preset(self, project_id: str, preset: AssetPreset) -> None:
        """Make or replace a preset of a project.

        Raises:
            CommandError: ``bad_request`` for options that no pipeline takes.
        """
        from slate_desktop.control.preset_files import check_preset

        check_preset(preset)
        values = msgspec.to_builtins(preset)
        del values["id"]
        await self.db.assets.save_preset(
            check_id(project_id, "project_id"), check_id(preset.id, "preset"), values
        )

    async def delete_project_preset(self, project_id: str, preset_id: str) -> None:
        """Remove a preset of a project; raises ``not_found``."""
        await self.db.assets.delete_preset(check_id(project_id, "project_id"), preset_id)
