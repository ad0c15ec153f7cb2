"""Pictures of the asset browser and the previews, of files that are made here, with no server."""

from __future__ import annotations

import math
import shutil
import subprocess
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent

Take = Callable[[Any, str], Awaitable[None]]
Until = Callable[..., Awaitable[None]]
_SIDE = 512
_RATE = 44_100
_SCRIPT = """extends CharacterBody3D
## Walks, and jumps where there is ground.

const SPEED := 5.0
const JUMP := 4.5

@export var camera: Camera3D
@onready var body: Node3D = $Body


func _physics_process(delta: float) -> void:
\tif not is_on_floor():
\t\tvelocity += get_gravity() * delta
\telif Input.is_action_just_pressed("jump"):
\t\tvelocity.y = JUMP
\tvar input := Input.get_vector("left", "right", "forward", "back")
\tvar direction := (camera.basis * Vector3(input.x, 0, input.y)).normalized()
\tvelocity.x = direction.x * SPEED
\tvelocity.z = direction.z * SPEED
\tmove_and_slide()
"""


def make_assets(root: Path) -> None:
    """Write textures, a model, a sound and a script below a folder."""
    for name in ("textures", "models", "sounds"):
        (root / name).mkdir(parents=True)
    heights = _heights()
    albedo = _albedo(heights)
    for name, pixels in (
        ("stone_albedo", albedo),
        ("stone_normal", _normals(heights)),
        ("stone_height", np.repeat((heights * 255).astype(np.uint8)[..., None], 3, axis=2)),
        ("moss_albedo", np.clip(albedo * (0.7, 1.1, 0.6), 0, 255).astype(np.uint8)),
    ):
        _image(pixels).save(root / "textures" / f"{name}.png")
    (root / "textures" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    _write_knot(root / "models" / "knot.glb", albedo)
    _write_sound(root / "sounds" / "bell.wav")
    (root / "player.gd").write_text(_SCRIPT, encoding="utf-8")


async def preview_pictures(window: Any, root: Path, take: Take, until: Until) -> None:
    """Drive the window as a user does."""
    await until(lambda: window.is_built, "the window")
    await until(lambda: window.start_page.banner.isVisibleTo(window), "the servers' absence")
    window.resize(1520, 920)
    await window.document_commands.open_path(root)
    texture = window.documents.open_path(root / "textures" / "stone_albedo.png")
    await until(lambda: texture.is_loaded, "the texture")
    await _browser(window, root, take, until)
    for name, dock in window.docks.docks.items():
        dock.setVisible(name == "project")
    await take(window, "preview-texture")
    texture.controls.compare.click()
    await until(lambda: texture.view.other is not None, "the comparison")
    texture.panel.form.set_value("compression", "bc1")
    texture.panel.compute.click()
    await until(lambda: "bc1" in texture.panel.state.text(), "the compressed texture")
    await take(window, "preview-texture-compare")
    model = window.documents.open_path(root / "models" / "knot.glb")
    await until(lambda: model.is_loaded and model.view.frame is not None, "the model")
    await until(lambda: model.view.frame.width() >= model.view.width(), "its picture")
    await take(window, "preview-model")
    model.controls.uv.click()
    model.controls.set_mode("normals")
    await until(lambda: model.uvs.is_drawn, "the UV layout")
    await until(lambda: model.view.shown.mode == "plain" and not model.view.is_busy, "normals")
    await take(window, "preview-model-normals")
    sound = window.documents.open_path(root / "sounds" / "bell.wav")
    await until(lambda: sound.is_loaded and sound.levels, "the sound")
    await take(window, "preview-audio")
    script = window.documents.open_path(root / "player.gd")
    await until(lambda: script.is_loaded, "the script")
    await take(window, "preview-text")
    font = window.documents.open_path(_font(root))
    await until(lambda: font.is_loaded, "the font")
    await take(window, "preview-font")
    for name, path in (
        ("video", _write_video(root / "intro.webm")),
        ("hex", _write_save(root / "slot1.sav")),
        ("refused", root / "textures" / "broken.png"),
    ):
        document = window.documents.open_path(path)
        await until(lambda document=document: document.is_loaded, name)
        await take(window, f"preview-{name}")


def _write_video(path: Path) -> Path:
    """Write two seconds of a moving picture."""
    subprocess.run(
        [
            *("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i"),
            "mandelbrot=size=640x360:rate=25:start_scale=0.4",
            *("-t", "2", "-c:v", "libvpx-vp9", "-b:v", "800k", "-y", str(path)),
        ],
        check=True,
    )
    return path


def _write_save(path: Path) -> Path:
    """Write a file of a kind that nobody knows."""
    names = b"".join(name.encode().ljust(16, b"\0") for name in ("Ada", "Grace", "Linus"))
    path.write_bytes(b"SAVE\x03\0\0\0" + names + bytes(range(256)) * 8)
    return path


def _font(root: Path) -> Path:
    """Put one of the program's own fonts into the folder."""
    source = next(iter(sorted((ROOT / "resources" / "fonts").glob("*.[ot]tf"))))
    return Path(shutil.copy(source, root))


async def _browser(window: Any, root: Path, take: Take, until: Until) -> None:
    window.docks.docks["assets"].raise_()
    await until(lambda: window.assets.browser is not None, "the browser")
    browser = window.assets.browser
    await until(lambda: browser.model.rowCount() == 7, "the assets")
    await until(
        lambda: all(browser.thumbnails.get(root, entry) for entry in browser.entries),
        "the thumbnails",
    )
    window.resizeDocks([window.docks.docks["assets"]], [380], _vertical())
    await take(window, "asset-browser")


def _vertical() -> Any:
    from PySide6.QtCore import Qt

    return Qt.Orientation.Vertical


def _heights() -> Any:
    """Return noise of several scales that repeats at the edges, from 0 to 1."""
    random = np.random.default_rng(7)
    spectrum = np.fft.rfft2(random.standard_normal((_SIDE, _SIDE)))
    rows = np.fft.fftfreq(_SIDE)[:, None]
    columns = np.fft.rfftfreq(_SIDE)[None, :]
    noise = np.fft.irfft2(spectrum / (np.hypot(rows, columns) + 0.01) ** 1.4, (_SIDE, _SIDE))
    return (noise - noise.min()) / np.ptp(noise)


def _albedo(heights: Any) -> Any:
    low, high = np.array((58, 52, 48)), np.array((196, 180, 158))
    return (low + (high - low) * heights[..., None]).astype(np.uint8)


def _normals(heights: Any) -> Any:
    x = (np.roll(heights, 1, axis=1) - np.roll(heights, -1, axis=1)) * 6
    y = (np.roll(heights, -1, axis=0) - np.roll(heights, 1, axis=0)) * 6
    normal = np.stack((x, y, np.ones_like(x)), axis=2)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    return ((normal * 0.5 + 0.5) * 255).round().astype(np.uint8)


def _image(pixels: Any) -> Any:
    from PIL import Image

    return Image.fromarray(pixels, "RGB")


def _write_knot(path: Path, albedo: Any, turns: int = 240, ring: int = 24) -> None:
    """Write a textured knot, the (2, 3) torus knot with a round tube."""
    import trimesh

    t = np.linspace(0, 2 * math.pi, turns + 1)[:, None]
    radius = 1.0 + 0.4 * np.cos(3 * t)
    centre = np.hstack((radius * np.cos(2 * t), radius * np.sin(2 * t), 0.5 * np.sin(3 * t)))
    # The last point is the first one again.
    along = np.vstack((centre[1:], centre[1:2])) - np.vstack((centre[-2:-1], centre[:-1]))
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(along, centre * (1, 1, 0))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(along, side)
    angle = np.linspace(0, 2 * math.pi, ring + 1)[None, :, None]
    outward = side[:, None] * np.cos(angle) + up[:, None] * np.sin(angle)
    points = (centre[:, None] + 0.2 * outward).reshape(-1, 3)
    u, v = np.meshgrid(np.linspace(0, 12, turns + 1), np.linspace(0, 1, ring + 1), indexing="ij")
    first = (np.arange(turns)[:, None] * (ring + 1) + np.arange(ring)[None, :]).ravel()
    after = first + ring + 1
    faces = np.vstack(
        (np.stack((first, first + 1, after), 1), np.stack((after, first + 1, after + 1), 1))
    )
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=_image(albedo), metallicFactor=0.0, roughnessFactor=0.8
    )
    visual = trimesh.visual.TextureVisuals(np.stack((u.ravel(), v.ravel()), 1), material=material)
    mesh = trimesh.Trimesh(
        points, faces, vertex_normals=outward.reshape(-1, 3), visual=visual, process=False
    )
    mesh.export(path)


def _write_sound(path: Path, seconds: float = 6.0) -> None:
    """Write three strokes of a bell, each with partials of its own decay."""
    time = np.arange(round(seconds * _RATE)) / _RATE
    sound = np.zeros((len(time), 2))
    for number, start in enumerate((0.2, 2.0, 3.6)):
        since = np.clip(time - start, 0, None)
        for partial, (ratio, decay) in enumerate(((0.5, 0.6), (1, 1.0), (1.2, 1.5), (2.0, 2.4))):
            tone = np.sin(2 * math.pi * 440 * (1 + number / 4) * ratio * since)
            tone *= np.exp(-decay * 2 * since) * (time >= start) / (partial + 2)
            sound[:, 0] += tone
            sound[:, 1] += tone * (0.5 + number / 4)
    samples = (sound / np.abs(sound).max() * 0.8 * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(samples.tobytes())
