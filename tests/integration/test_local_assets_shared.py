"""A cache of assets that several commands use at once, or that is damaged while they work."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.control.asset_batch import AssetTask
from slate_desktop.control.local_assets import LocalAssets
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.outcome import AssetJobResult
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.pipeline.sandbox.parent import Sandbox

CUBE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\n"


@pytest.fixture
def tasks(tmp_path: Path) -> list[AssetTask]:
    found: list[AssetTask] = []
    for number in range(3):
        source = tmp_path / f"cube{number}.obj"
        source.write_text(f"{CUBE}v {number} 0 0\n")
        found.append(AssetTask(source=source, name=source.name))
    return found


async def process(tmp_path: Path, tasks: list[AssetTask], out: str) -> list[AssetJobResult]:
    async with LocalAssets(tmp_path / out, cache_dir=tmp_path / "cache") as assets:
        return [result async for _, result in assets.process(tasks)]


async def test_commands_at_once_make_each_product_once_and_both_have_it(
    tmp_path: Path, tasks: list[AssetTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, made = Sandbox.process, list[Path]()

    async def noting(self: Sandbox, kind: Any, source: Path, *args: Any, **more: Any) -> Any:
        made.append(source)
        return await original(self, kind, source, *args, **more)

    monkeypatch.setattr(Sandbox, "process", noting)
    outs = ("one", "two", "three")
    results = await asyncio.gather(*(process(tmp_path, tasks, out) for out in outs))
    failures = [found.error for one in results for found in one if found.error is not None]
    assert not failures
    assert sorted(made) == sorted(task.source for task in tasks)
    for out in outs:
        names = sorted(path.name for path in (tmp_path / out).iterdir())
        assert names == ["cube0.glb", "cube1.glb", "cube2.glb"]


async def test_cache_that_breaks_fails_assets_by_name_and_not_the_command(
    tmp_path: Path, tasks: list[AssetTask]
) -> None:
    async with LocalAssets(tmp_path / "out", cache_dir=tmp_path / "cache") as assets:
        broken = sqlite3.connect(tmp_path / "cache" / "index-1.sqlite3", isolation_level=None)
        broken.execute("drop table results")
        broken.close()
        results = [result async for _, result in assets.process(tasks)]
    assert {result.state for result in results} == {AssetJobStatus.FAILED}
    for result in results:
        assert result.error is not None
        assert result.error.code == "environment"
        assert str(tmp_path / "cache") in result.error.message
        assert "SLATE_CACHE_DIR" in result.error.message
    assert not (tmp_path / "out").exists()


async def test_full_disk_is_told_with_the_folder_that_is_full(
    tmp_path: Path, tasks: list[AssetTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any, **__: Any) -> Any:
        raise CommandError(ErrorCode.DISK_LOW, "There is too little space for the result.")

    monkeypatch.setattr(Sandbox, "process", full)
    [result] = await process(tmp_path, tasks[:1], "out")
    assert result.error is not None
    assert result.error.code == "disk_low"
    assert str(tmp_path / "cache") in result.error.message
