"""An asset that changes while it is read: row 55 of the project's table of bad inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slate_desktop.control.asset_batch import AssetTask
from slate_desktop.control.local_assets import LocalAssets
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.outcome import AssetJobResult
from slate_desktop.pipeline.sandbox.parent import Sandbox

CUBE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\n"


async def process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: int
) -> tuple[AssetJobResult, int]:
    """Process a model that somebody writes to so often while a child reads it."""
    source = tmp_path / "cube.obj"
    source.write_text(CUBE)
    original, attempts = Sandbox.process, 0

    async def changing(self: Sandbox, *args: Any, **more: Any) -> Any:
        nonlocal attempts
        result = await original(self, *args, **more)
        attempts += 1
        if attempts <= changes:
            source.write_text(CUBE.replace("v 1", f"v {attempts + 1}"))
        return result

    monkeypatch.setattr(Sandbox, "process", changing)
    task = AssetTask(source=source, name="cube.obj")
    async with LocalAssets(tmp_path / "out", cache_dir=tmp_path / "cache") as assets:
        results = [result async for _, result in assets.process([task])]
    return results[0], attempts


async def test_file_that_changes_once_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, attempts = await process(tmp_path, monkeypatch, changes=1)
    assert (result.state, result.cached, attempts) == (AssetJobStatus.COMPLETED, False, 2)
    assert (tmp_path / "out" / "cube.glb").exists()


async def test_file_that_keeps_changing_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, attempts = await process(tmp_path, monkeypatch, changes=9)
    assert (result.state, attempts) == (AssetJobStatus.FAILED, 2)
    assert result.error is not None
    assert result.error.code == "asset_invalid"
    assert "changing" in result.error.message
    assert not list((tmp_path / "out").rglob("*"))
