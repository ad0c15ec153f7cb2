"""A GLB with three levels of detail against trimesh with fast-simplification, and against gltfpack.

Ours is the whole job in a warm parser's child, as an agent runs it: fork, limits, reading, writing,
opening every product again. gltfpack runs once for each file, as it is used.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.model import MeshCompression, ModelOptions
from slate_desktop.pipeline import model
from slate_desktop.pipeline.model.read import read
from slate_desktop.pipeline.model.save import save_glb
from slate_desktop.pipeline.sandbox.parent import Sandbox
from tests.bench.harness import Result, alternate
from tests.services.gltf import TOOLS, node_with_tools
from tests.services.shared_assets import shared_assets_dir

FRACTIONS = (0.75, 0.5, 0.25)
ROUNDS = 5
KEEP_ALL = ModelOptions(generate_lods=True)
SMALLEST = ModelOptions(
    generate_lods=True, optimize=True, quantize=True, compression=MeshCompression.MESHOPT
)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _trimesh_job(source: Path, out: Path) -> None:
    """What the usual libraries offer: load, simplify each mesh, export, three times."""
    import trimesh

    scene = trimesh.load_scene(source)
    scene.export(out / "lod0.glb")
    for number, fraction in enumerate(FRACTIONS, 1):
        coarser = trimesh.Scene()
        for mesh in scene.dump():
            # trimesh's percent is the share that goes.
            coarser.add_geometry(mesh.simplify_quadric_decimation(percent=1 - fraction))
        coarser.export(out / f"lod{number}.glb")


def _trimesh_with_pictures(source: Path, out: Path) -> None:
    """The same with UVs and materials brought back onto each level, as a user would need it."""
    import fast_simplification
    import numpy as np
    import trimesh

    scene = trimesh.load_scene(source)
    scene.export(out / "lod0.glb")
    for number, fraction in enumerate(FRACTIONS, 1):
        coarser = trimesh.Scene()
        for mesh in scene.dump():
            points, faces = mesh.vertices, mesh.faces
            _, _, collapses = fast_simplification.simplify(
                points, faces, target_reduction=1 - fraction, return_collapses=True
            )
            fewer, triangles, places = fast_simplification.replay_simplification(
                points, faces, collapses
            )
            uvs = np.zeros((len(fewer), 2))
            uvs[places] = mesh.visual.uv
            visual = trimesh.visual.TextureVisuals(uvs, material=mesh.visual.material)
            coarser.add_geometry(trimesh.Trimesh(fewer, triangles, visual=visual, process=False))
        coarser.export(out / f"lod{number}.glb")


def _gltfpack_job(node: str, source: Path, out: Path) -> None:
    program = str(TOOLS / "node_modules" / "gltfpack" / "cli.js")
    for number, fraction in enumerate((1.0, *FRACTIONS)):
        command = [node, program, "-cc", "-i", str(source), "-o", str(out / f"lod{number}.glb")]
        command += ["-si", str(fraction)] if number else []
        subprocess.run(command, check=True, capture_output=True)


class _Jobs:
    """Runs one job at a time in a folder of its own."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self._folder = folder
        self._sandbox = sandbox
        self.last_size = 0

    async def peer(self, job: Callable[[Path], None]) -> float:
        out = self._fresh()
        begin = time.perf_counter()
        await asyncio.to_thread(job, out)
        return self._took(begin, out)

    async def ours(self, source: Path, options: ModelOptions) -> float:
        out = self._fresh()
        begin = time.perf_counter()
        await self._sandbox.process(AssetKind.MODEL, source, out, options)
        return self._took(begin, out)

    def _fresh(self) -> Path:
        out = self._folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        return out

    def _took(self, begin: float, out: Path) -> float:
        seconds = time.perf_counter() - begin
        self.last_size = _size(out)
        return seconds


def _without_pictures(source: Path) -> bytes:
    """Return a model as a GLB of geometry alone, whose materials have no textures."""
    document = read(source)
    for name in ("images", "textures", "samplers"):
        document.tree.pop(name, None)
    document.images = []
    for material in document.list_of("materials"):
        for owner in (material, material.get("pbrMetallicRoughness", {})):
            for key in [key for key in owner if key.endswith("Texture")]:
                del owner[key]
    return b"".join(save_glb(document))


async def run() -> list[Result]:
    """Time as speed-up over trimesh, then as share of gltfpack's, then bytes as share of its."""
    assets, node = shared_assets_dir(), node_with_tools()
    if assets is None or node is None:
        raise SystemExit("the shared assets and node are needed: see tests/README.md")
    results: list[Result] = []
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        textured = folder / "ship.glb"
        textured.write_bytes(model.to_glb(assets / "ship" / "dutch_ship_medium_1k.gltf"))
        plain = folder / "plain.glb"
        plain.write_bytes(_without_pictures(assets / "ship" / "dutch_ship_medium_1k.gltf"))
        skinned = assets / "models" / "mannequiny.glb"
        async with Sandbox() as sandbox:
            jobs = _Jobs(folder, sandbox)
            await jobs.ours(skinned, KEEP_ALL)
            results.append(await _against_trimesh(jobs, "skinned GLB", skinned, _trimesh_job, 2))
            results.append(await _against_trimesh(jobs, "plain GLB", plain, _trimesh_job, 2))
            results.append(
                await _against_trimesh(jobs, "textured GLB", textured, _trimesh_with_pictures, 10)
            )
            for name, source in (("skinned GLB", skinned), ("textured GLB", textured)):
                results += await _against_gltfpack(jobs, name, source, node)
    for result in results:
        result.show()
    return results


async def _against_trimesh(
    jobs: _Jobs, name: str, source: Path, job: Callable[[Path, Path], None], goal: float
) -> Result:
    peer = "trimesh + fast-simplification"
    result = Result(f"{name} and 3 LODs", peer, "jobs/s", goal=goal)

    async def theirs() -> float:
        return 1 / await jobs.peer(lambda out: job(source, out))

    async def ours() -> float:
        return 1 / await jobs.ours(source, KEEP_ALL)

    await theirs()
    await alternate(result, theirs, ours, ROUNDS)
    result.note = "theirs loses skins, animations, normals, tangents, colours; ours keeps them"
    return result


async def _against_gltfpack(jobs: _Jobs, name: str, source: Path, node: str) -> list[Result]:
    options = {"unit": "s", "goal": 0.6, "higher_is_better": False}
    wall = Result(f"{name} and 3 LODs, smallest: time", "gltfpack -cc", **options)
    options = {"unit": "bytes", "goal": 1.1, "higher_is_better": False}
    size = Result(f"{name} and 3 LODs, smallest: size", "gltfpack -cc", **options)

    async def theirs() -> float:
        return await jobs.peer(lambda out: _gltfpack_job(node, source, out))

    async def ours() -> float:
        return await jobs.ours(source, SMALLEST)

    await theirs()
    size.peer_values.append(jobs.last_size)
    await ours()
    size.our_values.append(jobs.last_size)
    await alternate(wall, theirs, ours, ROUNDS)
    return [wall, size]


if __name__ == "__main__":
    asyncio.run(run())
