"""The process that draws one model after the other: f3d off screen, frames in a shared file.

Run as ``python -I -m slate_desktop.pipeline.preview.model_worker``. It gives up network and files
before it reads anything, sees only its work folder, and may crash or be killed at any frame: the
window starts another. Lines of JSON go both ways::

    window → worker  {"work_dir": …}                       once
                     {"op": "open", "file": …, "up": …}     a file in the work folder
                     {"op": "render", "width": …, …}
                     {"op": "close"}                        let go of the file
    worker → window  {"ready": …} | {"opened": …} | {"frame": …} | {"closed": true}
                     {"error": "one sentence"}
"""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path
from typing import IO, Any

import msgspec

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.sandbox.child import take_channel
from slate_desktop.pipeline.sandbox.isolation import end_with_parent, isolate
from slate_desktop.pipeline.sandbox.limits import GIB, Limits, apply_limits

FRAME_FILE = "frame"
MAX_WIDTH, MAX_HEIGHT = 4096, 2304
FRAME_BYTES = MAX_WIDTH * MAX_HEIGHT * 3
_MAX_LINE = 65_536
_CORNERS_FILE = "corners.ply"
# Plain: colours as they are in the file, for files painted with figures.
_MODES = ("shaded", "wireframe", "checker", "plain")
# What drivers of real GPUs need, besides the system's programs.
_DEVICES = ("/dev/dri", "/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-modeset", "/dev/nvidia-uvm")
_DEVICE_FACTS = ("/sys/class/drm", "/sys/dev", "/sys/devices", "/proc/driver/nvidia", "/etc/glvnd")
# A day: drawing costs time for as long as somebody looks. Each frame has its limit in the window.
_LIMITS = Limits(memory_bytes=6 * GIB, cpu_s=86_400)


def main() -> int:
    """Serve until the window closes the channel."""
    reader, writer = take_channel(0, 1)
    order = msgspec.json.decode(reader.readline(_MAX_LINE))
    work_dir = Path(order["work_dir"])
    os.chdir(work_dir)
    end_with_parent()
    apply_limits(_LIMITS)
    isolate([Path(p) for p in _DEVICE_FACTS], [work_dir, *(Path(p) for p in _DEVICES)])
    try:
        viewer = Viewer(work_dir)
    except (ImportError, RuntimeError, OSError) as exc:
        _say(writer, {"error": f"3D cannot be drawn here: {exc}"})
        return 1
    _say(writer, {"ready": viewer.backend})
    while line := reader.readline(_MAX_LINE):
        _say(writer, _answer(viewer, msgspec.json.decode(line)))
    return 0


class Viewer:
    """One f3d engine and the frames' memory."""

    def __init__(self, work_dir: Path) -> None:
        import f3d

        f3d.Log.set_verbose_level(f3d.Log.VerboseLevel.QUIET)
        self._work_dir = work_dir
        self._engine = _make_engine(f3d)
        self._engine.set_cache_path(str(work_dir))
        self._mode = ""
        self._file = ""
        self._animation = -1
        self.backend = str(self._engine.window.type).rpartition(".")[2]
        fd = os.open(work_dir / FRAME_FILE, os.O_RDWR)
        self._memory = mmap.mmap(fd, FRAME_BYTES)
        os.close(fd)

    def open(self, name: str, up: str, bounds: list[list[float]]) -> dict[str, Any]:
        """Read a file of the work folder; returns its animations and where to look from.

        Args:
            name: of the file.
            up: the axis that points up, such as ``+Y``.
            bounds: least and greatest x, y, z of what is shown at rest.
        """
        self._file, self._mode, self._animation = name, "", -1
        (self._work_dir / _CORNERS_FILE).write_text(_corners(bounds), encoding="ascii")
        self._engine.options.update(
            {
                "scene.up_direction": up,
                "scene.animation.indices": [0],
                "render.effect.antialiasing.enable": True,
                "render.effect.blending.enable": True,
                "ui.loader_progress": False,
            }
        )
        self._read()
        scene = self._engine.scene
        names = list(scene.get_animation_names())
        ranges = []
        for index in range(len(names)):
            self._engine.options["scene.animation.indices"] = [index]
            ranges.append([float(v) for v in scene.animation_time_range()])
        self._engine.window.size = (64, 64)
        camera = self._engine.window.camera
        camera.reset_to_bounds(0.9)
        state = camera.state
        return {
            "animations": names,
            "ranges": ranges,
            "position": list(state.position),
            "focal": list(state.focal_point),
            "angle": float(state.view_angle),
        }

    def render(self, order: dict[str, Any]) -> dict[str, Any]:
        """Draw one frame into the shared memory."""
        width = min(max(int(order["width"]), 16), MAX_WIDTH)
        height = min(max(int(order["height"]), 16), MAX_HEIGHT)
        self._set_mode(str(order["mode"]))
        options = self._engine.options
        options.update(
            {
                "render.grid.enable": bool(order["grid"]),
                "render.grid.color": [float(v) for v in order["grid_colour"]],
                "render.background.color": [float(v) for v in order["background"]],
                "render.light.intensity": float(order["light"]),
                "render.hdri.ambient": bool(order["ambient"]),
                "render.armature.enable": bool(order["bones"]),
            }
        )
        self._set_time(int(order["animation"]), order["time"])
        window, camera = self._engine.window, order["camera"]
        window.size = (width, height)
        window.camera.position = tuple(camera["position"])
        window.camera.focal_point = tuple(camera["focal"])
        window.camera.view_up = tuple(camera["up"])
        window.camera.view_angle = float(camera["angle"])
        image = window.render_to_image()
        content = image.content
        if image.channel_count != 3 or len(content) != width * height * 3:
            raise RuntimeError("the renderer gave a picture of another size")
        self._memory[: len(content)] = content
        return {"width": width, "height": height}

    def close(self) -> None:
        """Let go of the file."""
        self._engine.scene.clear()
        self._file = self._mode = ""

    def _read(self) -> None:
        scene = self._engine.scene
        scene.clear()
        # WORKAROUND(f3d 3.5): what skins move is cut off at the bounds of the unmoved mesh; faces
        # without area at the true corners make the scene large enough.
        scene.add([str(self._work_dir / self._file), str(self._work_dir / _CORNERS_FILE)])

    def _set_mode(self, mode: str) -> None:
        if mode not in _MODES:
            raise RuntimeError(f"no mode {mode}")
        if mode == self._mode:
            return
        is_first = not self._mode
        was_checker, self._mode = self._mode == "checker", mode
        options = self._engine.options
        options.update(
            {
                "render.show_edges": mode == "wireframe",
                "model.checkerboard.enable": mode == "checker",
                "render.effect.tone_mapping": mode != "plain",
            }
        )
        if was_checker and not is_first:
            # WORKAROUND(f3d 3.5): the checker stays on the materials until the file is read anew.
            self._read()
            self._animation = -1

    def _set_time(self, animation: int, time_s: float | None) -> None:
        if animation < 0:
            return
        if animation != self._animation:
            self._engine.options["scene.animation.indices"] = [animation]
            self._animation = animation
        if time_s is not None:
            self._engine.scene.load_animation_time(float(time_s))


def _corners(bounds: list[list[float]]) -> str:
    """Return a PLY of two faces without area. Source: https://paulbourke.net/dataformats/ply/."""
    points = "".join(f"{x:.9g} {y:.9g} {z:.9g}\n" * 3 for x, y, z in bounds)
    return (
        "ply\nformat ascii 1.0\nelement vertex 6\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face 2\nproperty list uchar int vertex_indices\nend_header\n{points}"
        "3 0 1 2\n3 3 4 5\n"
    )


def _make_engine(f3d: Any) -> Any:
    if sys.platform != "linux":
        return f3d.Engine.create(True)
    try:
        # Without a display: a GPU's EGL, or Mesa's software.
        return f3d.Engine.create_egl()
    except RuntimeError:
        return f3d.Engine.create_osmesa()


def _answer(viewer: Viewer, order: dict[str, Any]) -> dict[str, Any]:
    try:
        if order["op"] == "open":
            opened = viewer.open(Path(order["file"]).name, order["up"], order["bounds"])
            return {"opened": opened}
        if order["op"] == "close":
            viewer.close()
            return {"closed": True}
        return {"frame": viewer.render(order)}
    except (RuntimeError, ValueError, KeyError, TypeError, AssetError) as exc:
        return {"error": f"The file cannot be drawn: {exc}".splitlines()[0][:300]}


def _say(writer: IO[bytes], answer: dict[str, Any]) -> None:
    writer.write(msgspec.json.encode(answer) + b"\n")
    writer.flush()


if __name__ == "__main__":
    sys.exit(main())
