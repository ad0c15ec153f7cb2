"""Assets as they were last processed, presets of projects, and pauses of queues."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from slate_desktop.domain.assets.job import AssetRow
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.ids import check_id
from slate_desktop.store.errors import not_found
from slate_desktop.store.port import Runner

MAX_ASSETS = 100_000


class Assets:
    """Rows of ``slate_assets``, ``slate_asset_presets`` and ``slate_asset_pauses``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def list(
        self, project_id: str, *, paths: Iterable[str] | None = None, limit: int = MAX_ASSETS
    ) -> list[AssetRow]:
        """Return the assets of a project that were processed, or could not be, by path."""
        rows = await self._run.many(
            "list_assets",
            project_id=project_id,
            paths=None if paths is None else list(paths),
            limit=max(1, min(limit, MAX_ASSETS)),
        )
        return [msgspec.convert(dict(row), AssetRow) for row in rows]

    async def presets(self, project_id: str) -> dict[str, dict[str, Any]]:
        """Return the presets that a project has of its own, by id."""
        rows = await self._run.many("list_asset_presets", project_id=project_id)
        return {row["id"]: row["preset"] for row in rows}

    async def save_preset(self, project_id: str, preset_id: str, preset: dict[str, Any]) -> None:
        """Make or replace a preset of a project."""
        await self._run.run(
            "upsert_asset_preset",
            project_id=project_id,
            id=check_id(preset_id, "preset"),
            preset=preset,
        )

    async def delete_preset(self, project_id: str, preset_id: str) -> None:
        """Remove a preset of a project; raises ``not_found``."""
        found = await self._run.value("delete_asset_preset", project_id=project_id, id=preset_id)
        if found is None:
            raise not_found("preset of this project", "preset")

    async def paused(self, project_id: str) -> frozenset[AssetKind]:
        """Return the types of which no job of the project is begun."""
        rows = await self._run.many("list_asset_pauses", project_id=project_id)
        return frozenset(AssetKind(row["kind"]) for row in rows)

    async def pause(self, project_id: str, kind: AssetKind, *, user_id: str) -> None:
        """Begin no more jobs of a type; those that run go on."""
        await self._run.run(
            "insert_asset_pause", project_id=project_id, kind=kind.value, user_id=user_id
        )

    async def resume(self, project_id: str, kind: AssetKind) -> None:
        """Go on with jobs of a type."""
        await self._run.run("delete_asset_pause", project_id=project_id, kind=kind.value)
