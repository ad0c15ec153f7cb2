"""Time to the first useful picture of a texture, a model and a sound, as a warm window has it.

Ours goes the whole way through a child without rights: its fork, reading, and what is shown mapped
here. The peers read the same file in this process, with nothing around it. For a model that is f3d,
which draws for both: reading alone shows nothing. Its first picture has half of the window's sides,
as the first one in the window does.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import time
import wave
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.settings.paths import resource_path
from slate_desktop.ui.documents.model.camera import Camera
from slate_desktop.ui.documents.model.pool import ModelPool
from slate_desktop.ui.documents.model.worker import REHEARSAL
from slate_desktop.ui.documents.reader import Reader
from tests.bench.harness import Result, alternate

ROUNDS = 5
_SIDE = 4096
_TURNS, _RING = 500, 100  # 100,000 triangles
_RATE, _SECONDS = 44_100, 600
_SOUND_LIMIT_S = 1.0
_WINDOW = (960, 640)


async def run() -> list[Result]:
    """Measure all three."""
    reader, pool = Reader(), ModelPool()
    try:
        with TemporaryDirectory() as folder:
            return [
                await _texture(reader, Path(folder)),
                await _model(reader, pool, Path(folder)),
                await _sound(reader, Path(folder)),
            ]
    finally:
        await pool.aclose()
        await reader.aclose()


async def _texture(reader: Reader, folder: Path) -> Result:
    from PIL import Image

    path = folder / "texture.png"
    random = np.random.default_rng(1)
    small = Image.fromarray(random.integers(0, 256, (256, 256, 4), np.uint8), "RGBA")
    small.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).save(path, compress_level=6)

    async def peer() -> float:
        begin = time.perf_counter()
        with Image.open(path) as image:
            image.load()
        return time.perf_counter() - begin

    async def ours() -> float:
        begin, first = time.perf_counter(), [0.0]

        def on_first(_folder: Path, _words: str) -> None:
            first[0] = first[0] or time.perf_counter() - begin

        reading = await reader.read(
            "texture:open_texture", path, kind=AssetKind.TEXTURE, on_first=on_first
        )
        reading.close()
        return first[0]

    await ours()
    result = Result(f"{_SIDE}² PNG to first pixels", "Pillow decode", "s", goal=1.2)
    result.higher_is_better = False
    await alternate(result, peer, ours, ROUNDS)
    result.show()
    return result


async def _model(reader: Reader, pool: ModelPool, folder: Path) -> Result:
    import f3d
    import trimesh

    path = folder / "model.glb"
    sphere = trimesh.creation.torus(1.0, 0.4, major_sections=_TURNS, minor_sections=_RING)
    sphere.export(path)
    f3d.Log.set_verbose_level(f3d.Log.VerboseLevel.QUIET)
    bare = f3d.Engine.create_egl()
    bare.window.size = _WINDOW
    bare.scene.add(str(resource_path("models", "rehearsal.glb")))
    bare.window.render_to_image()
    whole: list[float] = []

    async def peer() -> float:
        bare.scene.clear()
        begin = time.perf_counter()
        bare.scene.add(str(path))
        bare.window.render_to_image()
        return time.perf_counter() - begin

    async def ours() -> float:
        pool.warm()
        worker = await pool.take()
        try:
            begin = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                describing = group.create_task(
                    reader.read("model:describe_model", path, kind=AssetKind.MODEL)
                )
                naming = group.create_task(reader.files_of(AssetKind.MODEL, path))
            facts = describing.result()
            low, high = facts.result["bounds"]
            await worker.open(naming.result(), path.name, "+Y", [low, high])
            camera = Camera().around(low, high).framed()
            eye = {"position": camera.position, "focal": camera.focal}
            eye |= {"up": camera.view_up, "angle": camera.angle}
            width, height = _WINDOW
            order = REHEARSAL | {"camera": eye}
            await worker.render(order | {"width": width // 2, "height": height // 2})
            taken = time.perf_counter() - begin
            await worker.render(order | {"width": width, "height": height})
            whole.append(time.perf_counter() - begin)
            facts.close()
            return taken
        finally:
            await worker.aclose()

    await ours()
    result = Result("100,000 triangles to the first picture", "f3d alone", "s", goal=2.0)
    result.higher_is_better = False
    await alternate(result, peer, ours, ROUNDS)
    begin = time.perf_counter()
    trimesh.load_scene(path)
    result.note = (
        f"in full size after {statistics.median(whole):.2f} s; "
        f"trimesh takes its arrays over in {(time.perf_counter() - begin) * 1e3:.0f} ms"
    )
    result.show()
    return result


async def _sound(reader: Reader, folder: Path) -> Result:
    path = folder / "sound.wav"
    time_s = np.arange(_RATE * 10) / _RATE
    tone = (np.sin(2 * math.pi * 440 * time_s) * 12_000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        for _ in range(_SECONDS // 10):
            file.writeframes(np.repeat(tone[:, None], 2, axis=1).tobytes())
    result = Result("Ten minutes of sound, whole waveform", "1 s", "s", [_SOUND_LIMIT_S])
    result.higher_is_better = False
    first: list[float] = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()

        def on_first(_folder: Path, _words: str, begin: float = begin) -> None:
            first.append(time.perf_counter() - begin)

        reading = await reader.read(
            "audio:open_audio", path, kind=AssetKind.AUDIO, on_first=on_first
        )
        result.our_values.append(time.perf_counter() - begin)
        reading.close()
    result.note = f"the waveform begins to fill after {min(first) * 1000:.0f} ms"
    result.show()
    return result
