"""Model jobs on real and small models, judged by readers that share no code with the pipeline."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slate_desktop.domain.assets.model import (
    LodLayout,
    MeshCompression,
    ModelFormat,
    ModelOptions,
    ModelReport,
)
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.pipeline import model
from tests.services.gltf import Reader, glb
from tests.services.small_models import (
    Builder,
    grid,
    obj_with_materials,
    png,
    rich_model,
)

Problems = Callable[..., list[str]]
SMALL = ModelOptions(
    optimize=True, quantize=True, compression=MeshCompression.MESHOPT, generate_lods=True
)
TIMES = (0.0, 0.2, 0.5, 0.9)


def process(source: Path, out_dir: Path, options: ModelOptions) -> ProcessResult:
    out_dir.mkdir(parents=True, exist_ok=True)
    return model.process(source, out_dir, options, progress=lambda share, words: None)


def report_of(result: ProcessResult) -> ModelReport:
    assert isinstance(result.report, ModelReport)
    return result.report


def files_of(result: ProcessResult, out_dir: Path) -> dict[str, Path]:
    return {product.role: out_dir / product.path for product in result.products}


def plain(path: Path) -> Path:
    """Return a copy without compression, which the reader of these tests can read."""
    target = path.with_name(f"plain_{path.stem}.glb")
    target.write_bytes(model.to_glb(path))
    return target


def rows_of(reader: Reader) -> set[bytes]:
    """Return everything that each vertex holds."""
    found: set[bytes] = set()
    for mesh in reader.tree["meshes"]:
        for primitive in mesh["primitives"]:
            named = [*sorted(primitive["attributes"].items())]
            named += [*itertools.chain(*(sorted(t.items()) for t in primitive.get("targets", ())))]
            columns = [reader.raw(index).view("u1") for _, index in named]
            joined = np.concatenate([c.reshape(len(columns[0]), -1) for c in columns], axis=1)
            found |= {row.tobytes() for row in joined}
    return found


def distances(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return how far the farthest of some of our points is from the nearest of theirs."""
    sample = ours[:: max(1, len(ours) // 200)]
    return float(np.sqrt(((sample[:, None] - theirs[None]) ** 2).sum(-1)).min(1).max())


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    return rich_model(tmp_path / "rich.glb")


@pytest.mark.parametrize(
    "options",
    [
        ModelOptions(),
        ModelOptions(optimize=True, generate_lods=True),
        ModelOptions(optimize=True, quantize=True, scale=1.0, bake_lighting=True, rays=16),
        ModelOptions(quantize=True, generate_lods=True, lod_layout=LodLayout.NODE),
        ModelOptions(format=ModelFormat.GLTF, generate_lods=True),
        SMALL,
    ],
    ids=["plain", "lods", "baked", "node", "gltf", "small"],
)
def test_products_are_valid_and_move_as_the_input(
    options: ModelOptions, rich: Path, tmp_path: Path, gltf_problems: Problems
) -> None:
    result = process(rich, tmp_path / "out", options)
    files = files_of(result, tmp_path / "out")
    models = [path for path in files.values() if path.suffix in (".glb", ".gltf")]
    readable = [plain(path) for path in models]
    assert gltf_problems(*models, *readable) == []
    before = Reader(rich)
    for path in readable:
        after = Reader(path)
        for time_s in TIMES:
            moved = after.posed("wave", time_s)
            assert distances(moved, before.posed("wave", time_s)) < 2e-3
        assert after.tree["animations"][0]["name"] == "wave"
        assert len(after.tree["skins"][0]["joints"]) == 2


def test_untouched_parts_are_equal_to_the_input(rich: Path, tmp_path: Path) -> None:
    result = process(rich, tmp_path / "out", ModelOptions())
    path = files_of(result, tmp_path / "out")["primary"]
    before, after = Reader(rich), Reader(path)
    for name in ("nodes", "materials", "scenes", "skins", "animations", "meshes", "textures"):
        assert [_without_places(each) for each in after.tree[name]] == [
            _without_places(each) for each in before.tree[name]
        ]
    assert rows_of(after) == rows_of(before)
    assert after.image(path, 0) == png()


def _without_places(value: Any) -> Any:
    """Return an entry without the numbers of accessors, which may change."""
    places = ("indices", "input", "output", "inverseBindMatrices", "attributes", "targets")
    if isinstance(value, dict):
        return {k: _without_places(v) for k, v in value.items() if k not in places}
    return [_without_places(v) for v in value] if isinstance(value, list) else value


def test_levels_keep_the_fractions_and_every_attribute(rich: Path, tmp_path: Path) -> None:
    result = process(rich, tmp_path / "out", ModelOptions(generate_lods=True))
    files, rows = files_of(result, tmp_path / "out"), rows_of(Reader(rich))
    report = report_of(result)
    assert [each.fraction for each in report.lods] == [0.75, 0.5, 0.25]
    for level in report.lods:
        reader = Reader(files[f"lod{level.level}"])
        count = reader.tree["accessors"][reader.tree["meshes"][0]["primitives"][0]["indices"]]
        assert count["count"] // 3 == level.triangles
        assert level.triangles == pytest.approx(report.before.triangles * level.fraction, rel=0.03)
        assert rows_of(reader) < rows
        assert len(rows_of(reader)) == level.vertices
    assert report.lods[-1].error > report.lods[0].error


def test_levels_inside_one_file_share_its_vertices(rich: Path, tmp_path: Path) -> None:
    options = ModelOptions(generate_lods=True, lod_layout=LodLayout.NODE)
    result = process(rich, tmp_path / "out", options)
    assert [product.role for product in result.products] == ["primary"]
    reader = Reader(files_of(result, tmp_path / "out")["primary"])
    finest = next(n for n in reader.tree["nodes"] if "MSFT_lod" in n.get("extensions", {}))
    meshes = [finest["mesh"]]
    for number in finest["extensions"]["MSFT_lod"]["ids"]:
        meshes.append(reader.tree["nodes"][number]["mesh"])
        assert reader.tree["nodes"][number]["skin"] == 0
    positions = {
        reader.tree["meshes"][m]["primitives"][0]["attributes"]["POSITION"] for m in meshes
    }
    assert len(meshes) == 4
    assert len(positions) == 1


def test_scale_moves_everything_alike(rich: Path, tmp_path: Path) -> None:
    result = process(rich, tmp_path / "out", ModelOptions(scale=2.5))
    before, after = Reader(rich), Reader(files_of(result, tmp_path / "out")["primary"])
    for time_s in TIMES:
        expected = before.posed("wave", time_s) * 2.5
        np.testing.assert_allclose(after.posed("wave", time_s), expected, atol=1e-5)
    assert report_of(result).bounds[1][0] == pytest.approx(2.5)


def test_tidying_merges_drops_and_shortens(tmp_path: Path) -> None:
    make = Builder()
    positions, _, triangles = grid(8)
    corners = positions[triangles.reshape(-1)]
    material = {"pbrMetallicRoughness": {}}
    tree = make.tree(
        scene=0,
        scenes=[{"nodes": [0]}],
        nodes=[{"mesh": 1}],
        meshes=[
            {"primitives": [{"attributes": {"POSITION": make.add(corners, "float32", "VEC3")}}]},
            {
                "primitives": [
                    {
                        "attributes": {"POSITION": make.add(corners, "float32", "VEC3")},
                        "material": 2,
                    }
                ]
            },
        ],
        materials=[material, material, {"name": "used", **material}],
        images=[{"bufferView": make.view(png()), "mimeType": "image/png"}],
        textures=[{"source": 0}],
    )
    source = tmp_path / "loose.glb"
    source.write_bytes(glb(tree, make.body))
    result = process(source, tmp_path / "out", ModelOptions(optimize=True))
    report = report_of(result)
    assert (report.before.vertices, report.after.vertices) == (2 * len(corners), len(positions))
    assert report.after.triangles == report.before.triangles == len(triangles)
    counts = (report.after.meshes, report.after.materials, report.after.textures)
    assert counts == (1, 1, 0)
    reader = Reader(files_of(result, tmp_path / "out")["primary"])
    assert reader.tree["materials"][0]["name"] == "used"
    assert "images" not in reader.tree


def test_a_still_track_is_dropped_only_where_nothing_ever_moves_it(
    rich: Path, tmp_path: Path
) -> None:
    result = process(rich, tmp_path / "out", ModelOptions(optimize=True))
    reader = Reader(files_of(result, tmp_path / "out")["primary"])
    paths = {c["target"]["path"] for c in reader.tree["animations"][0]["channels"]}
    # The scale rests at one in the only animation; the others move.
    assert paths == {"rotation", "translation", "weights"}
    ends = [reader.values(s["input"]).max() for s in reader.tree["animations"][0]["samplers"]]
    assert max(ends) == 1.0


def test_light_is_baked_darker_where_walls_are_near(tmp_path: Path) -> None:
    floor = [[x, 0, z] for x in range(-5, 6) for z in range(-5, 6)]
    cells = [[[a, a + 1, a + 11], [a + 1, a + 12, a + 11]] for a in range(110) if a % 11 != 10]
    roof = [[-1.5, 0.3, -1.5], [1.5, 0.3, -1.5], [-1.5, 0.3, 1.5], [1.5, 0.3, 1.5]]
    lines = [f"v {x} {y} {z}" for x, y, z in [*floor, *roof]]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for cell in cells for a, b, c in cell]
    lines += ["f 122 123 124", "f 123 125 124"]
    source = tmp_path / "room.obj"
    source.write_text("\n".join(lines))
    result = process(source, tmp_path / "out", ModelOptions(bake_lighting=True, rays=64))
    reader = Reader(files_of(result, tmp_path / "out")["primary"])
    attributes = reader.tree["meshes"][0]["primitives"][0]["attributes"]
    places, light = reader.values(attributes["POSITION"]), reader.values(attributes["COLOR_0"])
    middle = light[(places[:, 1] == 0) & (np.abs(places[:, [0, 2]]).max(1) == 0), 0]
    corner = light[(places[:, 1] == 0) & (np.abs(places[:, [0, 2]]).min(1) == 5), 0]
    assert middle.max() < 0.35
    assert corner.min() > 0.9
    assert (light[:, 3] == 1).all()


def test_the_same_job_gives_the_same_bytes(rich: Path, tmp_path: Path) -> None:
    first = process(rich, tmp_path / "first", SMALL)
    second = process(rich, tmp_path / "second", SMALL)
    assert first.products == second.products


def test_compressed_products_are_read_again(rich: Path, tmp_path: Path) -> None:
    small = files_of(process(rich, tmp_path / "small", SMALL), tmp_path / "small")["primary"]
    assert b"EXT_meshopt_compression" in small.read_bytes()
    again = process(small, tmp_path / "again", ModelOptions())
    before, after = Reader(plain(small)), Reader(tmp_path / "again" / again.products[0].path)
    np.testing.assert_array_equal(after.posed("wave", 0.4), before.posed("wave", 0.4))
    assert small.stat().st_size < 0.5 * rich.stat().st_size


def test_obj_brings_its_materials(tmp_path: Path, gltf_problems: Problems) -> None:
    source = obj_with_materials(tmp_path)
    assert model.references(source) == ("scene.mtl", "pic ture.png")
    result = process(source, tmp_path / "out", ModelOptions())
    path = files_of(result, tmp_path / "out")["primary"]
    assert gltf_problems(path) == []
    reader = Reader(path)
    surfaces = {m["name"]: m["pbrMetallicRoughness"] for m in reader.tree["materials"]}
    assert surfaces["red"]["baseColorFactor"] == [1, 0, 0, 1]
    assert surfaces["blue"]["baseColorFactor"] == [0, 0, 1, 0.5]
    assert reader.image(path, 0) == png()
    assert [node["name"] for node in reader.tree["nodes"]] == ["quad", "other"]
    assert report_of(result).before.triangles == 3


@pytest.mark.parametrize("target", [ModelFormat.OBJ, ModelFormat.STL, ModelFormat.PLY])
def test_simple_formats_hold_the_shape_at_rest(
    target: ModelFormat, rich: Path, tmp_path: Path
) -> None:
    trimesh = pytest.importorskip("trimesh")
    result = process(rich, tmp_path / "out", ModelOptions(format=target))
    report = report_of(result)
    path = files_of(result, tmp_path / "out")["primary"]
    mesh = trimesh.load_mesh(path, process=False, skip_materials=True)
    assert len(mesh.faces) == report.before.triangles
    np.testing.assert_allclose(mesh.bounds, report.bounds, atol=1e-6)
    assert any("skins" in sentence for sentence in report.warnings)
    if target is not ModelFormat.STL:
        assert mesh.visual.kind in ("texture", "vertex", "face")


def test_gltf_names_its_pictures_and_buffers(rich: Path, tmp_path: Path) -> None:
    options = ModelOptions(format=ModelFormat.GLTF, generate_lods=True, lod_levels=(0.5,))
    result = process(rich, tmp_path / "out", options)
    roles = sorted(product.role for product in result.products)
    assert roles == ["buffer", "buffer", "image", "lod1", "primary"]
    path = files_of(result, tmp_path / "out")["primary"]
    assert sorted(model.references(path)) == ["rich.bin", "rich_image0.png"]


FBX = Path(__file__).parent.parent / "data" / "models" / "quad.fbx"


def test_fbx_is_read_in_metres_and_says_what_it_lost(
    tmp_path: Path, gltf_problems: Problems
) -> None:
    source = tmp_path / "quad.fbx"
    source.write_bytes(FBX.read_bytes())
    (tmp_path / "t.png").write_bytes(png())
    result = process(source, tmp_path / "out", ModelOptions())
    path = files_of(result, tmp_path / "out")["primary"]
    assert gltf_problems(path) == []
    report = report_of(result)
    assert report.bounds == ((0.0, 0.5, 0.0), (1.0, 1.5, 0.0))
    assert any("animations are lost" in sentence for sentence in report.warnings)
    assert Reader(path).image(path, 0) == png()


def test_wrong_meshes_are_named(tmp_path: Path) -> None:
    lines = ["v 0 0 0", "v 1 0 0", "v 0 1 0", "v 0 -1 0", "v 0 0 1", "vn 0 0 -1"]
    lines += ["f 1//1 2//1 3//1", "f 1//1 2//1 4//1", "f 1//1 2//1 5//1"]
    source = tmp_path / "wrong.obj"
    source.write_text("\n".join(lines))
    warnings = model.inspect(source)["warnings"]
    assert isinstance(warnings, list)
    assert any("non-manifold" in each for each in warnings)
    assert any("look into the surface" in each for each in warnings)


REAL = ("models/mannequiny.glb", "ship/dutch_ship_medium_1k.gltf")


@pytest.fixture(params=REAL, ids=["mannequiny", "ship"])
def real(request: pytest.FixtureRequest, shared_assets: Path) -> Path:
    return shared_assets / request.param


@pytest.mark.parametrize(
    "options", [ModelOptions(generate_lods=True), SMALL], ids=["plain", "small"]
)
def test_real_models_come_out_valid_and_alike(
    options: ModelOptions, real: Path, tmp_path: Path, gltf_problems: Problems
) -> None:
    result = process(real, tmp_path / "out", options)
    report = report_of(result)
    files = files_of(result, tmp_path / "out")
    assert list(files) == ["primary", "lod1", "lod2", "lod3"]
    readable = plain(files["primary"])
    assert gltf_problems(*files.values(), readable) == []
    before, after = Reader(real), Reader(readable)
    size = np.linalg.norm(np.subtract(*reversed(report.bounds)))
    names = [each["name"] for each in before.tree.get("animations", ())]
    assert [each["name"] for each in after.tree.get("animations", ())] == names
    for name in [None, *names[::4]]:
        moved, expected = after.posed(name, 0.3), before.posed(name, 0.3)
        if not options.optimize:
            np.testing.assert_array_equal(moved, expected)
        assert distances(moved, expected) < size * 1e-3
        assert distances(expected, moved) < size * 1e-3
    for image in range(len(before.tree.get("images", ()))):
        assert after.image(readable, image) == before.image(real, image)
    for level in report.lods:
        wanted = report.before.triangles * level.fraction
        assert wanted * 0.9 < level.triangles < wanted * 1.1
