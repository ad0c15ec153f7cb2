"""A container's live log against ``docker logs -f``: from its start to its last line.

The container prints numbered lines as fast as the engine takes them. Ours must be every line, once
and in order, as the engine's own log says after the exit.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from slate_desktop.agent.drivers.base import Handle
from tests.bench.engine import BenchEngine
from tests.bench.harness import Result, alternate

LINES = 400_000
ROUNDS = 3
_SCRIPT = (
    "for ($i = 1; $i <= %d; $i++) "
    '{ print "$i LogShaders: Display: Shader Standard/49 compiled in 15 ms, 3 variants\\n" }'
)


async def _container(engine: BenchEngine) -> Handle:
    spec = msgspec.structs.replace(engine.spec(), argv=["perl", "-e", _SCRIPT % LINES])
    return await engine.driver.create(spec)


async def _peer(engine: BenchEngine, program: str) -> float:
    handle = await _container(engine)
    await engine.driver.start(handle)
    begin = time.perf_counter()
    command = [program, "-H", engine.url, "logs", "-f", handle.runtime_id]
    count = await asyncio.to_thread(_count_lines, command)
    elapsed = time.perf_counter() - begin
    await engine.driver.remove(handle)
    if count != LINES:
        raise SystemExit(f"docker logs -f gave {count:,} of {LINES:,} lines")
    return LINES / elapsed


def _count_lines(command: list[str]) -> int:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        return sum(data.count(b"\n") for data in iter(lambda: process.stdout.read1(1 << 20), b""))


async def _ours(engine: BenchEngine) -> float:
    handle = await _container(engine)
    await engine.driver.start(handle)
    numbers: list[bytes] = []
    begin = time.perf_counter()
    async for frames in engine.driver.logs(handle, since_ns=0, follow=True):
        numbers += [frame.data for frame in frames]
    elapsed = time.perf_counter() - begin
    await engine.driver.remove(handle)
    # Not counted: the peer only counts its lines, ours are looked at one by one.
    found = [int(data.split(b" ", 1)[0]) for data in numbers]
    if found != list(range(1, LINES + 1)):
        raise SystemExit(f"{len(found):,} of {LINES:,} lines came, or not in order")
    return LINES / elapsed


async def run() -> list[Result]:
    """Peer, ours, peer, ours …"""
    program = shutil.which("docker")
    if program is None:
        raise SystemExit("docker logs -f needs the docker command")
    with TemporaryDirectory() as directory:
        engine = BenchEngine(Path(directory) / "project")
        try:
            result = Result("Live log of a container", "docker logs -f", "lines/s", goal=3)
            await alternate(result, lambda: _peer(engine, program), lambda: _ours(engine), ROUNDS)
            result.note = f"{LINES:,} lines a run, each checked: none lost, none doubled"
        finally:
            await engine.aclose()
    result.show()
    return [result]


if __name__ == "__main__":
    asyncio.run(run())
