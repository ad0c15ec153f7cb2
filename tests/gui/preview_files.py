"""Small assets that the preview tests make themselves, and where the shared ones are."""

from __future__ import annotations

import json
import os
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def shared_asset(*parts: str) -> Path:
    """Return a file of the shared assets; skips where they are absent."""
    here = Path(__file__).resolve().parents[2]
    root = Path(os.environ.get("SLATE_SHARED_ASSETS") or here.parent / "shared" / "assets")
    path = root.joinpath(*parts)
    if not path.exists():
        pytest.skip("shared assets are absent")
    return path


def write_png(path: Path, width: int = 64, height: int = 48) -> Path:
    """Write a picture whose texel (x, y) is (x, y, 200, alpha), half clear at the right."""
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., 0] = np.arange(width)[None, :] % 256
    pixels[..., 1] = np.arange(height)[:, None] % 256
    pixels[..., 2] = 200
    pixels[..., 3] = np.where(np.arange(width) < width // 2, 255, 64)[None, :]
    Image.fromarray(pixels, "RGBA").save(path)
    return path


def write_wav(path: Path, seconds: float = 1.5, level: float = 0.5, rate: int = 22_050) -> Path:
    """Write a stereo tone: 440 Hz left, 880 Hz right; a level above 1 clips."""
    time = np.arange(round(seconds * rate)) / rate
    tones = np.stack([np.sin(2 * np.pi * hertz * time) for hertz in (440, 880)], axis=1)
    samples = np.clip(tones * level * 32767, -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def write_glb(path: Path, *, is_animated: bool = True) -> Path:
    """Write a cube of 12 triangles with normals, UVs and colours, which may turn for a second."""
    faces = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            normal = [0.0, 0.0, 0.0]
            normal[axis] = sign
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                corner = list(normal)
                corner[(axis + 1) % 3], corner[(axis + 2) % 3] = a * sign, b
                faces.append((corner, list(normal), [(a + 1) / 2, (b + 1) / 2]))
    corners = np.array([f[0] for f in faces], "<f4")
    normals = np.array([f[1] for f in faces], "<f4")
    uvs = np.array([f[2] for f in faces], "<f4")
    colours = ((corners + 1) * 127.5).astype(np.uint8)
    colours = np.concatenate((colours, np.full((24, 1), 255, np.uint8)), axis=1)
    indices = np.array([[n, n + 1, n + 2, n, n + 2, n + 3] for n in range(0, 24, 4)], "<u2")
    turn = np.array([[0, 0, 0, 1], [0, 0.7071068, 0, 0.7071068]], "<f4")
    arrays = [corners, normals, uvs, colours, indices.ravel(), np.array([0, 1], "<f4"), turn]
    kinds = [("VEC3", 5126), ("VEC3", 5126), ("VEC2", 5126), ("VEC4", 5121), ("SCALAR", 5123)]
    kinds += [("SCALAR", 5126), ("VEC4", 5126)]
    views, accessors, data = [], [], b""
    for array, (kind, component) in zip(arrays, kinds, strict=True):
        raw = array.tobytes()
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": len(raw)})
        accessor = {"bufferView": len(views) - 1, "componentType": component, "type": kind}
        accessor["count"] = len(array)
        if kind in ("VEC3", "SCALAR") and component == 5126:
            low, high = array.min(axis=0), array.max(axis=0)
            accessor["min"], accessor["max"] = np.ravel(low).tolist(), np.ravel(high).tolist()
        if component == 5121:
            accessor["normalized"] = True
        accessors.append(accessor)
        data += raw + bytes(-len(raw) % 4)
    attributes = {"POSITION": 0, "NORMAL": 1, "TEXCOORD_0": 2, "COLOR_0": 3}
    tree = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "cube"}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 4, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 1]}}],
        "buffers": [{"byteLength": len(data)}],
        "bufferViews": views,
        "accessors": accessors,
    }
    if is_animated:
        channel = {"sampler": 0, "target": {"node": 0, "path": "rotation"}}
        sampler = {"input": 5, "output": 6}
        tree["animations"] = [{"name": "turn", "channels": [channel], "samplers": [sampler]}]
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text
    body += struct.pack("<II", len(data), 0x004E4942) + data
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)
    return path
