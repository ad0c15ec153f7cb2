"""The window's end of a drawing process: starts it, hands it files, and takes its frames.

A frame that does not come in time ends the process; so does a crash. Both are told as errors, and
the next file gets a new process.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import mmap
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import msgspec

from slate_desktop.errors import AssetError, EnvironmentFaultError
from slate_desktop.pipeline.preview.model_worker import FRAME_BYTES, FRAME_FILE
from slate_desktop.pipeline.sandbox.handle import child_environment
from slate_desktop.settings.paths import python_program, resource_path

_START_S, _OPEN_S, _FRAME_S = 30.0, 60.0, 30.0
REHEARSAL = {
    "width": 320,
    "height": 200,
    "camera": {"position": (0, 1, 3), "focal": (0, 0, 0), "up": (0, 1, 0), "angle": 30.0},
    "mode": "shaded",
    "grid": True,
    "ambient": False,
    "bones": False,
    "light": 3.0,
    "animation": -1,
    "time": None,
    "background": (0, 0, 0),
    "grid_colour": (0, 0, 0),
}
_MODULE = "slate_desktop.pipeline.preview.model_worker"


class ModelWorker:
    """One drawing process. Only one request is on its way at a time."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slate-model-"))
        self.backend = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: IO[bytes] | None = None
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._lock = asyncio.Lock()
        self._memory: mmap.mmap | None = None
        self._ear: threading.Thread | None = None

    async def start(self) -> None:
        """Start the process and wait until it can draw.

        Raises:
            EnvironmentFaultError: it cannot draw on this machine.
        """
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._launch, loop)
        order = {"work_dir": str(self.folder)}
        try:
            answer = await self._ask(order, _START_S)
        except AssetError as exc:
            raise EnvironmentFaultError(
                str(exc), hint="3D previews need OpenGL; on Debian install libegl1 and libgl1."
            ) from exc
        self.backend = str(answer.get("ready", ""))

    async def open(
        self, files: dict[str, Path], main: str, up: str, bounds: object
    ) -> dict[str, Any]:
        """Copy files into the process's folder by their names there, and open one of them.

        Args:
            files: by their names in the folder.
            main: the name of the model.
            up: the axis that points up, such as ``+Y``.
            bounds: least and greatest x, y, z of what is shown at rest.

        Raises:
            AssetError: it cannot be drawn.
            OSError: a file cannot be read.
        """
        await asyncio.to_thread(self._copy, files)
        answer = await self._ask({"op": "open", "file": main, "up": up, "bounds": bounds}, _OPEN_S)
        opened = answer.get("opened")
        if not isinstance(opened, dict):
            raise AssetError.crash("The drawing process answered nonsense.")
        return opened

    async def render(self, order: dict[str, Any]) -> tuple[bytes, int, int]:
        """Draw a frame; returns RGB bytes from bottom to top, width and height.

        Raises:
            AssetError: it cannot be drawn, or not in time.
        """
        async with self._lock:
            answer = await self._talk({"op": "render", **order}, _FRAME_S)
            frame = answer.get("frame")
            if not isinstance(frame, dict) or self._memory is None:
                raise AssetError.crash("The drawing process answered nonsense.")
            width, height = int(frame["width"]), int(frame["height"])
            size = width * height * 3
            if not 0 < size <= FRAME_BYTES:
                raise AssetError.crash("The drawing process answered nonsense.")
            return self._memory[:size], width, height

    async def rehearse(self) -> None:
        """Draw a small scene of our own: shaders are made at the first frame, which takes long.

        Raises:
            AssetError: it cannot be drawn.
        """
        path = resource_path("models", "rehearsal.glb")
        await self.open({path.name: path}, path.name, "+Y", [[-1, -1, -1], [1, 1, 1]])
        await self.render(REHEARSAL)

    async def empty(self) -> None:
        """Let go of the model and its files.

        Raises:
            AssetError: the process has ended, or does not answer.
        """
        await self._ask({"op": "close"}, _FRAME_S)
        await asyncio.to_thread(self._remove_files)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    async def aclose(self) -> None:
        """End the process and remove its folder."""
        await asyncio.to_thread(self._end)

    def _launch(self, loop: asyncio.AbstractEventLoop) -> None:
        with (self.folder / FRAME_FILE).open("wb") as file:
            file.truncate(FRAME_BYTES)
        with (self.folder / FRAME_FILE).open("rb") as file:
            self._memory = mmap.mmap(file.fileno(), FRAME_BYTES, access=mmap.ACCESS_READ)
        argv = [python_program(), "-I", "-m", _MODULE]
        environment = child_environment() | {"HOME": str(self.folder), "TMPDIR": str(self.folder)}
        environment |= _gl_path(self.folder, environment)
        try:
            if sys.platform == "win32":
                process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=environment,
                    creationflags=subprocess.CREATE_NO_WINDOW,
                )
                self._writer, reader = process.stdin, process.stdout
            else:
                ours, theirs = socket.socketpair()
                with ours, theirs:
                    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                        argv,
                        stdin=theirs.fileno(),
                        stdout=theirs.fileno(),
                        stderr=subprocess.DEVNULL,
                        env=environment,
                        start_new_session=True,
                    )
                    self._writer, reader = ours.makefile("wb"), ours.makefile("rb")
        except OSError as exc:
            raise EnvironmentFaultError(f"The drawing process does not start: {exc}.") from exc
        self._process = process
        self._ear = threading.Thread(
            target=self._hear, args=(reader, loop), name="slate-model", daemon=True
        )
        self._ear.start()

    def _hear(self, reader: IO[bytes], loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(OSError, ValueError), reader:
            while line := reader.readline(1024 * 1024):
                loop.call_soon_threadsafe(self._answers.put_nowait, line)
        with contextlib.suppress(RuntimeError):  # the loop may be gone: nobody waits any more
            loop.call_soon_threadsafe(self._answers.put_nowait, b"")

    async def _ask(self, order: dict[str, Any], limit_s: float) -> dict[str, Any]:
        async with self._lock:
            return await self._talk(order, limit_s)

    async def _talk(self, order: dict[str, Any], limit_s: float) -> dict[str, Any]:
        writer = self._writer
        if writer is None:
            raise AssetError.crash("The drawing process has ended.")
        try:
            writer.write(msgspec.json.encode(order) + b"\n")
            writer.flush()
            async with asyncio.timeout(limit_s):
                line = await self._answers.get()
        except TimeoutError as exc:
            await asyncio.to_thread(self._kill)
            raise AssetError.limit("Drawing it takes too long.") from exc
        except asyncio.CancelledError:
            # The answer of this order would be taken for the next one's.
            self._kill()
            raise
        except (OSError, ValueError) as exc:
            raise AssetError.crash("The drawing process has ended.") from exc
        if not line:
            raise AssetError.crash("The file crashed the process that draws it.")
        answer = msgspec.json.decode(line)
        if "error" in answer:
            raise AssetError.invalid(str(answer["error"]))
        return answer

    def _copy(self, files: dict[str, Path]) -> None:
        for name, source in files.items():
            target = (self.folder / name).resolve()
            if self.folder.resolve() not in target.parents:
                raise AssetError.invalid("A file that it refers to lies outside its folder.")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def _remove_files(self) -> None:
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != FRAME_FILE:
                path.unlink(missing_ok=True)

    def _kill(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            if sys.platform == "win32":
                process.kill()
            else:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)

    def _end(self) -> None:
        self._kill()
        if self._process is not None:
            self._process.wait()
        if self._writer is not None:
            with contextlib.suppress(OSError, ValueError):
                self._writer.close()
            self._writer = None
        if self._ear is not None:
            # It speaks to the loop, which may be closed soon; the process has ended, so it does.
            self._ear.join(1.0)
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        shutil.rmtree(self.folder, ignore_errors=True)


def _gl_path(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variable with which the drawing process finds the system's EGL.

    WORKAROUND(f3d 3.5): without a display it asks for ``libEGL.so``, a name that only packages for
    developers bring. A link of that name leads it to what every desktop has. May go when f3d asks
    for ``libEGL.so.1``.
    """
    if sys.platform != "linux":
        return {}
    name = "libEGL.so.1"
    try:
        ctypes.CDLL(name)
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
        found = next(line for line in maps.splitlines() if f"/{name}" in line)
        target = folder / "gl" / "libEGL.so"
        target.parent.mkdir(exist_ok=True)
        if not target.is_symlink():
            target.symlink_to(found[found.index("/") :])
    except (OSError, StopIteration):
        return {}  # there is none: the drawing process says so
    places = (str(target.parent), environment.get("LD_LIBRARY_PATH", ""))
    return {"LD_LIBRARY_PATH": ":".join(place for place in places if place)}
