"""A sample of a container's statistics against ``docker stats --no-stream``."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from slate_desktop.agent.drivers.base import Handle
from tests.bench.engine import BenchEngine
from tests.bench.harness import Result, alternate

SAMPLES = 500


async def _peer(engine: BenchEngine, handle: Handle) -> float:
    program = shutil.which("docker")
    begin = time.perf_counter()
    if program is None:
        # What the command does: one answer of the engine, which needs two readings for it.
        await asyncio.to_thread(engine.client.stats, handle.runtime_id, stream=False)
    else:
        command = [program, "-H", engine.url, "stats", "--no-stream", handle.runtime_id]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    return 1 / (time.perf_counter() - begin)


async def _ours(engine: BenchEngine, handle: Handle) -> float:
    begin = time.perf_counter()
    for _ in range(SAMPLES):
        sample = await engine.driver.stats(handle)
        assert sample.memory_limit == engine.config.memory_bytes
    return SAMPLES / (time.perf_counter() - begin)


async def run() -> list[Result]:
    """Every sample of ours is a fresh one; the driver takes it from the kernel where it can."""
    with TemporaryDirectory() as directory:
        engine = BenchEngine(Path(directory) / "project")
        try:
            handle = await engine.run()
            result = Result("Container stats", "docker stats --no-stream", "samples/s", goal=100)
            await engine.driver.stats(handle)
            await alternate(result, lambda: _peer(engine, handle), lambda: _ours(engine, handle), 5)
            result.note = f"one sample of ours: {1e3 / max(result.our_values):.3f} ms"
        finally:
            await engine.aclose()
    result.show()
    return [result]


if __name__ == "__main__":
    asyncio.run(run())
