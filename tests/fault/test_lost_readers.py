"""The server that forks the readers of assets is killed while they read, as a machine that runs out
of memory may do: both ways to process an asset try once more, and no oftener.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import psutil
import pytest
from PIL import Image

from slate_desktop.control.asset_batch import AssetTask
from slate_desktop.control.local_assets import LocalAssets
from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.outcome import AssetJobResult
from slate_desktop.errors import ErrorCode
from tests.integration.asset_world import (
    AssetWorld,
    asset_world,  # noqa: F401 - a fixture
)

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(sys.platform != "linux", reason="the fork server: Linux only"),
]
NAME = "rock.png"
_Result: TypeAlias = tuple[AssetTask, AssetJobResult]
OPTIONS = {"format": "ktx2", "compression": "bc7", "effort": "ship"}


def write_slow_picture(path: Path) -> Path:
    """Write a picture whose blocks take seconds, with more than one word on how far they are."""
    noise = np.random.default_rng(7).integers(0, 256, (2048, 2048, 4), dtype=np.uint8)
    Image.fromarray(noise).save(path, compress_level=1)
    return path


class Killer:
    """Kills what reads files for this process: first the server of it, then what came instead."""

    def __init__(self, *modules: str) -> None:
        self._modules = list(modules)
        self.killed: list[str] = []

    def kill_next(self) -> None:
        """Kill the next one, if it is there and at work."""
        if not self._modules:
            return
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                module = f"slate_desktop.pipeline.sandbox.{self._modules[0]}"
                readers = child.children() if self._modules[0] == "server" else [child]
                if child.cmdline()[-1:] == [module] and any(map(_is_at_work, readers)):
                    child.kill()
                    self.killed.append(self._modules.pop(0))
                    return


def _is_at_work(reader: psutil.Process) -> bool:
    """Tell whether it has more to do than to look what a file is, or to wait for one."""
    return reader.cpu_times().user > 0.3


async def process_here(folder: Path, on_look: Callable[[], None]) -> AssetJobResult:
    source = write_slow_picture(folder / NAME)
    task = AssetTask(source=source, name=NAME, options=OPTIONS)
    async with LocalAssets(folder / "out", cache_dir=folder / "cache") as assets:
        results = asyncio.ensure_future(_all(assets.process([task])))
        while not results.done():
            await asyncio.sleep(0.02)
            on_look()
        ((_, result),) = await results
        return result


async def _all(results: AsyncIterator[_Result]) -> list[_Result]:
    return [each async for each in results]


async def process_by_worker(world: AssetWorld, on_look: Callable[[], None]) -> AssetJob:
    write_slow_picture(world.root / NAME)
    job = await world.slate.process_asset(NAME, world.project.id, options=OPTIONS)
    while not job.is_final:
        await asyncio.sleep(0.02)
        job = await world.slate.get_asset_job(job.id)
        on_look()
    return job


async def test_a_local_asset_is_tried_again_where_its_reader_was_lost(tmp_path: Path) -> None:
    killer = Killer("server")
    result = await process_here(tmp_path, killer.kill_next)
    assert (killer.killed, result.error) == (["server"], None)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rock.ktx2"]


async def test_a_local_asset_is_not_tried_for_ever(tmp_path: Path) -> None:
    killer = Killer("server", "child")
    result = await process_here(tmp_path, killer.kill_next)
    assert killer.killed == ["server", "child"]
    assert result.error is not None
    assert result.error.code == ErrorCode.ASSET_LIMIT
    assert not (tmp_path / "out").exists()


@pytest.mark.nats
@pytest.mark.postgres
async def test_a_worker_tries_again_where_its_reader_was_lost(world: AssetWorld) -> None:
    killer = Killer("server")
    job = await process_by_worker(world, killer.kill_next)
    assert (killer.killed, job.error_message) == (["server"], None)
    assert (job.status, job.attempt) == (AssetJobStatus.COMPLETED, 1)


@pytest.mark.nats
@pytest.mark.postgres
async def test_a_worker_does_not_try_for_ever(world: AssetWorld) -> None:
    killer = Killer("server", "child")
    job = await process_by_worker(world, killer.kill_next)
    assert killer.killed == ["server", "child"]
    assert (job.status, job.error_code) == (AssetJobStatus.FAILED, ErrorCode.ASSET_LIMIT)
