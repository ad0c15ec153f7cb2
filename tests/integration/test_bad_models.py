"""Hostile and damaged models: the named error, and nothing else."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.model import MeshCompression, ModelOptions
from slate_desktop.errors import AssetError, ErrorCode
from slate_desktop.pipeline import model
from slate_desktop.pipeline.sandbox.parent import Sandbox
from tests.services.gltf import glb
from tests.services.small_models import Builder, png, rich_model

INVALID, LIMIT, FINE = ErrorCode.ASSET_INVALID, ErrorCode.ASSET_LIMIT, None
POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "float32")


def triangle(change: Callable[[dict[str, Any]], None] | None = None, points: Any = POINTS) -> bytes:
    """Return a GLB of one triangle, after a change of its JSON."""
    make = Builder()
    positions = make.add(points, "float32", "VEC3")
    indices = make.add([[0], [1], [2]], "uint16", "SCALAR")
    primitive = {"attributes": {"POSITION": positions}, "indices": indices}
    tree = make.tree(
        scene=0,
        scenes=[{"nodes": [0]}],
        nodes=[{"mesh": 0}],
        meshes=[{"primitives": [primitive]}],
    )
    if change is not None:
        change(tree)
    return glb(tree, make.body)


def with_uri(uri: str) -> Callable[[dict[str, Any]], None]:
    def change(tree: dict[str, Any]) -> None:
        tree["images"] = [{"uri": uri}]

    return change


def with_accessor(**fields: Any) -> Callable[[dict[str, Any]], None]:
    def change(tree: dict[str, Any]) -> None:
        tree["accessors"][0] |= fields
        for name, value in fields.items():
            if value is None:
                del tree["accessors"][0][name]

    return change


def with_view(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda tree: tree["bufferViews"][0].update(fields)


def with_nodes(*nodes: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    return lambda tree: tree.update(nodes=list(nodes))


def with_draco(tree: dict[str, Any]) -> None:
    primitive = tree["meshes"][0]["primitives"][0]
    primitive["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {}}}
    tree["extensionsRequired"] = tree["extensionsUsed"] = ["KHR_draco_mesh_compression"]


def with_meshopt(**fields: Any) -> Callable[[dict[str, Any]], None]:
    def change(tree: dict[str, Any]) -> None:
        form = {"buffer": 0, "byteLength": 30, "byteStride": 12, "count": 3, "mode": "ATTRIBUTES"}
        form |= fields
        tree["bufferViews"][0]["extensions"] = {"EXT_meshopt_compression": form}
        tree["bufferViews"][0]["byteLength"] = form["count"] * form["byteStride"]
        tree["accessors"][0]["count"] = min(form["count"], 3)

    return change


def with_joints(tree: dict[str, Any]) -> None:
    tree["accessors"].append({**tree["accessors"][1], "type": "SCALAR"})
    tree["meshes"][0]["primitives"][0]["attributes"]["JOINTS_0"] = 2
    tree["skins"] = [{"joints": [0]}]
    tree["nodes"][0]["skin"] = 0


def flat_points() -> np.ndarray:
    return np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2]], "float32")


def points_with(value: float) -> np.ndarray:
    result = POINTS.copy()
    result[1, 1] = value
    return result


def with_wrong_length(data: bytes, length: int) -> bytes:
    return data[:8] + struct.pack("<I", length) + data[12:]


def stl(count: int, triangles: int) -> bytes:
    return b"\0" * 80 + struct.pack("<I", count) + b"\0" * 50 * triangles


def ply(vertices: int) -> bytes:
    head = f"ply\nformat binary_little_endian 1.0\nelement vertex {vertices}\n"
    head += "property float x\nproperty float y\nproperty float z\nend_header\n"
    return head.encode() + b"\0" * 120


def zipped(name: str = "a.obj", size: int = 1_000_000) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"\0" * size)
    return file.getvalue()


def deep_json(depth: int) -> bytes:
    return b'{"asset":{"version":"2.0"},"extras":' + b"[" * depth + b"]" * depth + b"}"


def chain(count: int) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = [{"children": [number + 1]} for number in range(count)]
    return [*nodes, {"mesh": 0}]


def with_nodes_of_other_shape(tree: dict[str, Any]) -> None:
    tree["nodes"] = {"a": 1}


def with_odd_extension(tree: dict[str, Any]) -> None:
    tree["nodes"][0]["extensions"] = [1]


def obj_with(library: str) -> bytes:
    return f"mtllib {library}\n{MESH}usemtl x\nf 1 2 3\n".encode()


SHOWN = {"mesh": 0}
TO_2 = {"children": [2]}
CIRCLE = (TO_2, {"children": [1]})
NAN = triangle(points=points_with(np.nan)).replace(b"NaN", b"0.0")
INFINITE = triangle(points=points_with(np.inf)).replace(b"Infinity", b"0.0")
MESH = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"
ROWS: list[tuple[str, str, bytes, ErrorCode | None]] = [
    # 56: names that lead elsewhere
    *[
        (f"56 {uri}", "a.glb", triangle(with_uri(uri)), INVALID)
        for uri in (
            "../secret.bin",
            "/etc/passwd",
            "file:///etc/passwd",
            "http://127.0.0.1:9/a.png",
            "..%2fsecret.bin",
            "%2e%2e/secret.bin",
            "a/../../secret.bin",
            "..\\secret.bin",
            "C:/a.png",
            "missing.png",
            "a%00.png",
            "%ff.png",
            "",
            "data:image/png;base64,***",
            "data:nonsense",
        )
    ],
    # 57: accessors and buffer views
    ("57 count 2**31", "a.glb", triangle(with_accessor(count=2**31)), LIMIT),
    (
        "57 20 M without a view",
        "a.glb",
        triangle(with_accessor(count=20_000_000, bufferView=None)),
        LIMIT,
    ),
    ("57 count beyond the view", "a.glb", triangle(with_accessor(count=4)), INVALID),
    ("57 count 0", "a.glb", triangle(with_accessor(count=0)), INVALID),
    ("57 count is text", "a.glb", triangle(with_accessor(count="3")), INVALID),
    ("57 unknown component", "a.glb", triangle(with_accessor(componentType=5124)), INVALID),
    ("57 no such view", "a.glb", triangle(with_accessor(bufferView=99)), INVALID),
    ("57 negative view", "a.glb", triangle(with_accessor(bufferView=-1)), INVALID),
    ("57 view beyond its buffer", "a.glb", triangle(with_view(byteLength=10**9)), INVALID),
    ("57 view's offset beyond", "a.glb", triangle(with_view(byteOffset=10**9)), INVALID),
    ("57 negative stride", "a.glb", triangle(with_view(byteStride=-12)), INVALID),
    ("57 stride under the element", "a.glb", triangle(with_view(byteStride=4)), INVALID),
    (
        "57 buffer says more than it has",
        "a.glb",
        triangle(lambda tree: tree["buffers"][0].update(byteLength=10**9)),
        INVALID,
    ),
    (
        "57 index beyond the vertices",
        "a.glb",
        triangle(lambda tree: tree["accessors"][0].update(count=2)),
        INVALID,
    ),
    ("57 joint beyond the skin", "a.glb", triangle(with_joints), INVALID),
    ("57 damaged meshopt", "a.glb", triangle(with_meshopt()), INVALID),
    ("57 meshopt bomb", "a.glb", triangle(with_meshopt(count=50_000_000)), LIMIT),
    ("57 meshopt beyond its buffer", "a.glb", triangle(with_meshopt(byteOffset=10**9)), INVALID),
    ("57 meshopt of no mode", "a.glb", triangle(with_meshopt(mode="EVIL")), INVALID),
    ("57 draco", "a.glb", triangle(with_draco), INVALID),
    # 58: trees and geometry
    ("58 node circle", "a.glb", triangle(with_nodes(SHOWN, *CIRCLE)), INVALID),
    ("58 own child", "a.glb", triangle(with_nodes({"mesh": 0, "children": [0]})), INVALID),
    ("58 two parents", "a.glb", triangle(with_nodes(TO_2, TO_2, SHOWN)), INVALID),
    ("58 NaN", "a.glb", NAN, INVALID),
    ("58 infinite", "a.glb", INFINITE, INVALID),
    ("58 only faces without area", "a.glb", triangle(points=flat_points()), INVALID),
    ("58 no geometry", "a.glb", triangle(with_nodes({"name": "empty"})), INVALID),
    ("58 a million nodes", "a.glb", triangle(with_nodes(*[{"mesh": 0}] * 1_000_000)), LIMIT),
    ("58 too deep", "a.glb", triangle(with_nodes(*chain(2_000))), LIMIT),
    ("58 json too deep", "a.gltf", deep_json(100_000), INVALID),
    ("58 json of another shape", "a.gltf", b"[1, 2]", INVALID),
    ("58 lists of other things", "a.glb", triangle(with_nodes_of_other_shape), INVALID),
    ("58 extension of another shape", "a.glb", triangle(with_odd_extension), INVALID),
    # 59: containers
    ("59 wrong magic", "a.glb", b"glTX" + triangle()[4:], INVALID),
    ("59 length 0xffffffff", "a.glb", with_wrong_length(triangle(), 0xFFFFFFFF), INVALID),
    ("59 cut", "a.glb", triangle()[:60], INVALID),
    ("59 header only", "a.glb", triangle()[:12], INVALID),
    ("59 version 1", "a.glb", triangle()[:4] + b"\1" + triangle()[5:], INVALID),
    ("59 glTF 1", "a.gltf", b'{"asset":{"version":"1.0"}}', INVALID),
    ("59 empty", "a.glb", b"", INVALID),
    ("59 one byte", "a.glb", b"g", INVALID),
    ("59 html", "a.gltf", b"<html></html>", INVALID),
    # 60: OBJ
    ("60 index beyond", "a.obj", f"{MESH}f 1 2 999999999\n".encode(), INVALID),
    ("60 negative beyond", "a.obj", f"{MESH}f -1 -2 -4\n".encode(), INVALID),
    ("60 index 0", "a.obj", f"{MESH}f 0 1 2\n".encode(), INVALID),
    ("60 uv beyond", "a.obj", f"{MESH}f 1/9 2/9 3/9\n".encode(), INVALID),
    ("60 no number", "a.obj", f"{MESH}f a b c\n".encode(), INVALID),
    ("60 vertex of words", "a.obj", b"v a b c\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", INVALID),
    ("60 infinite vertex", "a.obj", b"v 0 0 0\nv 1e999 0 0\nv 0 1 0\nf 1 2 3\n", INVALID),
    ("60 no faces", "a.obj", MESH.encode(), INVALID),
    ("60 library elsewhere", "a.obj", obj_with("../../etc/passwd"), FINE),
    ("60 library missing", "a.obj", obj_with("gone.mtl"), FINE),
    ("60 binary junk", "a.obj", bytes(range(256)) * 40, INVALID),
    # 61: STL, PLY
    ("61 stl of 2**31", "a.stl", stl(2**31, 4), INVALID),
    ("61 stl cut", "a.stl", stl(4, 2), INVALID),
    ("61 stl of zeros", "a.stl", stl(2, 2), INVALID),
    ("61 stl text without faces", "a.stl", b"solid a\nfacet normal\nendsolid a\n", INVALID),
    ("61 ply of 999999999", "a.ply", ply(999_999_999), INVALID),
    ("61 ply of 10**18", "a.ply", ply(10**18), INVALID),
    ("61 ply without header", "a.ply", b"ply\nformat ascii 1.0\n", INVALID),
    ("61 ply of words", "a.ply", ply(10).replace(b"10", b"no"), INVALID),
    # 62: archives, and files of another kind
    ("62 zip as obj", "a.obj", zipped(), INVALID),
    ("62 zip as glb", "a.glb", zipped("../evil"), INVALID),
    ("62 nested zip as stl", "a.stl", zipped(size=100), INVALID),
    ("62 zip by its own name", "a.zip", zipped(), INVALID),
    ("62 picture as fbx", "a.fbx", png(), INVALID),
    ("62 fbx of junk", "a.fbx", b"Kaydara FBX Binary  \x00\x1a\x00" + b"\xff" * 400, INVALID),
    ("sound triangle", "a.glb", triangle(), FINE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "code"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_bad_model_ends_in_its_error(
    name: str, data: bytes, code: ErrorCode | None, tmp_path: Path
) -> None:
    (tmp_path / "secret.bin").write_bytes(b"secret")
    folder = tmp_path / "models"
    folder.mkdir()
    source = folder / name
    source.write_bytes(data)
    if code is None:
        assert model.inspect(source)["triangles"] == 1
        return
    with pytest.raises(AssetError) as caught:
        model.inspect(source)
    assert caught.value.code is code
    assert str(caught.value)
    assert "secret" not in json.dumps(caught.value.details)


@pytest.mark.parametrize("kind", ["symlink", "fifo", "folder", "device"])
def test_only_regular_files_are_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    match kind:
        case "symlink":
            (tmp_path / "b.glb").write_bytes(triangle())
            path.symlink_to(tmp_path / "b.glb")
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            path = Path("/dev/zero")
    with pytest.raises(AssetError) as caught:
        model.inspect(path)
    assert caught.value.code is INVALID


def test_a_sibling_that_links_elsewhere_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.png").write_bytes(png())
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "link.png").symlink_to(tmp_path / "secret" / "a.png")
    (folder / "linked").symlink_to(tmp_path / "secret")
    for uri in ("link.png", "linked/a.png"):
        source = folder / "a.glb"
        source.write_bytes(triangle(with_uri(uri)))
        with pytest.raises(AssetError) as caught:
            model.inspect(source)
        assert caught.value.code is INVALID


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    source = tmp_path / "a.glb"
    source.write_bytes(triangle(with_uri("textures/wood%20old.png")))
    assert model.references(source) == ("textures/wood old.png",)
    with pytest.raises(AssetError) as caught:
        model.inspect(source)
    assert caught.value.details == {"missing": "textures/wood old.png"}


async def test_the_child_works_within_its_limits_and_outlives_nobody(tmp_path: Path) -> None:
    huge = tmp_path / "huge.obj"
    with huge.open("wb") as file:
        file.write(b"v 0 0 0\n")
        file.truncate(1024**3)
    sound = rich_model(tmp_path / "rich.glb")
    options = ModelOptions(
        optimize=True,
        quantize=True,
        compression=MeshCompression.MESHOPT,
        generate_lods=True,
        bake_lighting=True,
        rays=16,
    )
    out = tmp_path / "out"
    out.mkdir()
    async with Sandbox() as box:
        with pytest.raises(AssetError) as caught:
            await box.inspect(AssetKind.MODEL, huge)
        assert caught.value.code is LIMIT
        result = await box.process(AssetKind.MODEL, sound, out, options)
    assert [product.role for product in result.products] == ["primary", "lod1", "lod2", "lod3"]
