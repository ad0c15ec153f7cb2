"""Small models that tests make themselves, byte by byte, without SLATE's writers."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tests.services.gltf import glb

SIDE = 24


def png(width: int = 4, height: int = 4) -> bytes:
    """Return a grey PNG."""
    rows = b"".join(b"\0" + bytes(range(width)) for _ in range(height))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + (chunk(b"IEND", b""))
    )


class Builder:
    """Collects accessors of a glTF."""

    def __init__(self) -> None:
        self.body = b""
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, data: bytes, **more: Any) -> int:
        self.body += b"\0" * (-len(self.body) % 4)
        place = {"buffer": 0, "byteOffset": len(self.body), "byteLength": len(data)}
        self.views.append({**place, **more})
        self.body += data
        return len(self.views) - 1

    def add(self, values: Any, dtype: str, kind: str, **more: Any) -> int:
        array = np.ascontiguousarray(values, dtype)
        types = {"float32": 5126, "uint8": 5121, "uint16": 5123, "uint32": 5125}
        entry: dict[str, Any] = {
            "bufferView": self.view(array.tobytes()),
            "componentType": types[array.dtype.name],
            "count": len(array),
            "type": kind,
            **more,
        }
        if dtype == "float32" and kind in ("VEC3", "SCALAR"):
            flat = array.reshape(len(array), -1)
            entry |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        self.accessors.append(entry)
        return len(self.accessors) - 1

    def tree(self, **more: Any) -> dict[str, Any]:
        return {
            "asset": {"version": "2.0"},
            "buffers": [{"byteLength": len(self.body)}],
            "bufferViews": self.views,
            "accessors": self.accessors,
            **more,
        }


def grid(side: int = SIDE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return positions, UVs and triangles of a waved sheet, 1 by 1."""
    across, up = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    height = 0.1 * np.sin(across * 7) * np.cos(up * 5)
    positions = np.stack([across, up, height], axis=-1).reshape(-1, 3).astype("float32")
    uvs = np.stack([across, 1 - up], axis=-1).reshape(-1, 2).astype("float32")
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1)
    first = np.stack([corner, corner + 1, corner + side], axis=1)
    second = np.stack([corner + 1, corner + side + 1, corner + side], axis=1)
    return positions, uvs, np.concatenate([first, second])


def rich_model(path: Path, side: int = SIDE) -> Path:
    """Write a skinned, morphed, animated and textured sheet that uses every attribute."""
    make = Builder()
    positions, uvs, triangles = grid(side)
    count = len(positions)
    share = positions[:, 1:2]
    weights = np.concatenate([1 - share, share, np.zeros((count, 2))], axis=1)
    joints = np.tile([0, 1, 0, 0], (count, 1))
    joints[share[:, 0] == 0, 1] = 0
    attributes = {
        "POSITION": make.add(positions, "float32", "VEC3"),
        "NORMAL": make.add(np.tile([0, 0, 1], (count, 1)), "float32", "VEC3"),
        "TANGENT": make.add(np.tile([1, 0, 0, 1], (count, 1)), "float32", "VEC4"),
        "TEXCOORD_0": make.add(uvs, "float32", "VEC2"),
        "TEXCOORD_1": make.add(uvs * 3 - 1, "float32", "VEC2"),
        "COLOR_0": make.add(
            np.tile([255, 128, 0, 255], (count, 1)), "uint8", "VEC4", normalized=True
        ),
        "JOINTS_0": make.add(joints, "uint8", "VEC4"),
        "WEIGHTS_0": make.add(weights, "float32", "VEC4"),
    }
    lift = np.zeros((count, 3))
    lift[:, 2] = np.sin(positions[:, 0] * 3) * 0.3
    target = {"POSITION": make.add(lift, "float32", "VEC3")}
    inverse = np.tile(np.eye(4), (2, 1, 1))
    inverse[1, 1, 3] = -0.5
    matrices = make.add(inverse.transpose(0, 2, 1).reshape(2, 16), "float32", "MAT4")
    times = make.add([[0], [0.5], [1]], "float32", "SCALAR")
    turn = make.add([[0, 0, 0, 1], [0.3826834, 0, 0, 0.9238795], [0, 0, 0, 1]], "float32", "VEC4")
    move = make.add([[0, 0.5, 0], [0.1, 0.6, 0], [0.2, 0.5, 0]], "float32", "VEC3")
    morph = make.add([[0], [1], [0.25]], "float32", "SCALAR")
    still = make.add([[1, 1, 1]] * 3, "float32", "VEC3")
    picture = make.view(png())
    tree = make.tree(
        scene=0,
        scenes=[{"nodes": [0, 2]}],
        nodes=[
            {"name": "hip", "children": [1]},
            {"name": "spine", "translation": [0, 0.5, 0]},
            {"name": "sheet", "mesh": 0, "skin": 0},
        ],
        meshes=[
            {
                "name": "sheet",
                "weights": [0.0],
                "primitives": [
                    {
                        "attributes": attributes,
                        "indices": make.add(triangles.reshape(-1, 1), "uint16", "SCALAR"),
                        "material": 1,
                        "targets": [target],
                    }
                ],
            }
        ],
        skins=[{"joints": [0, 1], "inverseBindMatrices": matrices}],
        materials=[
            {"name": "unused"},
            {"name": "cloth", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}},
        ],
        textures=[{"source": 0}],
        images=[{"bufferView": picture, "mimeType": "image/png"}],
        animations=[
            {
                "name": "wave",
                "samplers": [
                    {"input": times, "output": turn},
                    {"input": times, "output": move},
                    {"input": times, "output": morph},
                    {"input": times, "output": still},
                ],
                "channels": [
                    {"sampler": 0, "target": {"node": 1, "path": "rotation"}},
                    {"sampler": 1, "target": {"node": 1, "path": "translation"}},
                    {"sampler": 2, "target": {"node": 2, "path": "weights"}},
                    {"sampler": 3, "target": {"node": 1, "path": "scale"}},
                ],
            }
        ],
    )
    path.write_bytes(glb(tree, make.body))
    return path


OBJ = """mtllib scene.mtl
o quad
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
vn 0 0 1
usemtl red
f 1/1/1 2/2/1 3/3/1 4/4/1
o other
usemtl blue
f -4/-4/-1 -3/-3/-1 -1/-1/-1
"""
MTL = """newmtl red
Kd 1 0 0
map_Kd pic ture.png
newmtl blue
Kd 0 0 1
d 0.5
"""


def obj_with_materials(folder: Path) -> Path:
    """Write an OBJ, its materials and its picture."""
    (folder / "scene.obj").write_text(OBJ)
    (folder / "scene.mtl").write_text(MTL)
    (folder / "pic ture.png").write_bytes(png())
    return folder / "scene.obj"
