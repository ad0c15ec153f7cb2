"""A batch of mixed assets: two workers against one, and the same batch again.

Twice: two workers of one process, where a lone worker's child has both cores as well; and workers
that keep to a core each, as those of two hosts do, which tells what sharing itself costs.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.harness import Result

_COUNT = int(os.environ.get("SLATE_BENCH_ASSETS", "1000"))


def run() -> list[Result]:
    """Measure cold batches with one and two workers, and a warm one."""
    speed = Result(f"{_COUNT} mixed assets, two workers", "one worker", "assets/s", goal=1.8)
    again = Result("The same batch again", "cold", "s", goal=0.01, higher_is_better=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = _make(folder / "in")
        one = asyncio.run(_batch(folder, "one", 1))
        two = asyncio.run(_batch(folder, "two", 2))
        speed.peer_values.append(_COUNT / one)
        speed.our_values.append(_COUNT / two)
        speed.note = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        again.peer_values.append(two)
        again.our_values.append(asyncio.run(_batch(folder, "two", 2)))
        pinned = _pinned(folder) if hasattr(os, "sched_setaffinity") else []
    results = [speed, *pinned, again]
    for result in results:
        result.show()
    return results


def _pinned(folder: Path) -> list[Result]:
    """Measure workers that keep to a core each; nothing where there is one core."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        return []
    name = f"{_COUNT} mixed assets, two workers on a core each"
    wall = Result(name, "one worker on one core", "assets/s", goal=1.8)
    processor = Result(
        f"{name}, by processor time", "one worker on one core", "assets/s of a core", goal=1.9
    )
    for result, values in zip(
        (wall, processor), zip(*(_parts(folder, n, cores[:n]) for n in (1, 2)), strict=True),
        strict=True,
    ):  # fmt: skip
        result.peer_values.append(_COUNT / values[0])
        result.our_values.append(_COUNT / values[1])
    processor.note = "of the worker that took the most, its children included"
    return [wall, processor]


def _parts(folder: Path, number: int, cores: list[int]) -> tuple[float, float]:
    """Process the batch by a worker on each core.

    Returns:
        Time on the wall, and processor time of the worker that took the most, seconds.
    """
    place = folder / f"pinned-{number}"
    place.mkdir()
    counter = place / "counter"
    counter.write_text("0")
    command = [sys.executable, "-m", "tests.bench.assets_part", folder / "in", place / "out"]
    command += [place / "cache", counter]
    parts = [
        subprocess.Popen(
            [*command, str(core)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for core in cores
    ]
    try:
        for part in parts:
            assert part.stdout
            assert part.stdout.readline() == "ready\n"
        began = time.perf_counter()
        for part in parts:
            assert part.stdin
            part.stdin.write("\n")
            part.stdin.flush()
        told = [json.loads(part.stdout.readline()) for part in parts if part.stdout]
        wall_s = time.perf_counter() - began
    finally:
        for part in parts:
            part.communicate(timeout=60)
    assert sum(each["made"] for each in told) == _COUNT, told
    return wall_s, max(each["processor_s"] for each in told)


async def _batch(folder: Path, cache: str, workers: int) -> float:
    from slate_desktop.control.asset_batch import tasks_of_batch
    from slate_desktop.control.local_assets import LocalAssets
    from slate_desktop.domain.assets.kinds import AssetJobStatus

    began = time.perf_counter()
    tasks = tasks_of_batch(str(folder / "in"))
    assert len(tasks) == _COUNT
    out, kept = folder / f"out-{cache}", folder / f"cache-{cache}" / "assets"
    async with LocalAssets(out, cache_dir=kept, workers=workers) as assets:
        async for task, result in assets.process(tasks):
            assert result.state is AssetJobStatus.COMPLETED, (task.name, result.error)
    return time.perf_counter() - began


def _make(folder: Path) -> dict[str, int]:
    """Write the assets; all differ."""
    import numpy as np
    import soundfile

    from slate_desktop.domain.assets.kinds import AssetKind
    from slate_desktop.pipeline import run as pipelines

    folder.mkdir()
    random = np.random.default_rng(11)
    makers = [AssetKind.AUDIO, AssetKind.MODEL]
    try:
        pipelines.load(AssetKind.TEXTURE)
        makers.append(AssetKind.TEXTURE)
    except Exception:  # noqa: BLE001 - without textures the batch has two kinds
        print("textures are not processed by this installation")
    counts = dict.fromkeys((kind.value for kind in makers), 0)
    for number in range(_COUNT):
        kind = makers[number % len(makers)]
        counts[kind.value] += 1
        if kind is AssetKind.AUDIO:
            time_s = np.arange(2 * 44_100) / 44_100
            wave = 0.3 * np.sin(2 * np.pi * (200 + number) * time_s)
            noise = random.normal(0, 0.01, len(wave))
            soundfile.write(folder / f"{number}.wav", wave + noise, 44_100)
        elif kind is AssetKind.MODEL:
            _write_obj(folder / f"{number}.obj", number)
        else:
            from PIL import Image

            pixels = random.integers(0, 255, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).resize((256, 256)).save(folder / f"{number}.png")
    return counts


def _write_obj(path: Path, number: int) -> None:
    """Write a wavy sheet of 24 times 24 quads."""
    import math

    side = 25
    lines = [
        f"v {x} {math.sin(x * 0.3 + number) + math.cos(z * 0.2):.5f} {z}"
        for z in range(side)
        for x in range(side)
    ]
    for z in range(side - 1):
        for x in range(side - 1):
            corner = z * side + x + 1
            lines.append(f"f {corner} {corner + 1} {corner + side + 1} {corner + side}")
    path.write_text("\n".join(lines), encoding="ascii")
