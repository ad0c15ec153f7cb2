"""Thumbnails: made in the background, newest wish first, kept by the content of the file.

Textures and sounds are read in sandboxed children, models are drawn by one drawing process. What
was made is kept on disk under the hash of the file's content, so that a renamed or copied file
needs no work, and a changed one is never shown as it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageWriter, QPixmap

from slate_desktop.control.asset_index import AssetEntry
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.errors import AssetError, SlateError
from slate_desktop.settings.paths import cache_dir
from slate_desktop.translation import message, sentence, translate
from slate_desktop.ui.documents.model.camera import Camera
from slate_desktop.ui.documents.model.drawable import Drawable, drawable
from slate_desktop.ui.documents.model.pool import ModelPool
from slate_desktop.ui.documents.model.worker import REHEARSAL, ModelWorker
from slate_desktop.ui.documents.reader import Reader
from slate_desktop.ui.tasks import TaskGroupOwner

log = logging.getLogger(__name__)

SIDE = 256
_REVISION = 1
_WORKERS = 2
_MAX_WAITING = 400
_MAX_KEPT = 2000
_MAX_SIBLINGS = 500
_CHUNK_BYTES = 1024 * 1024
# A folder of this many files is cleared out: the oldest half goes.
_MAX_FILES = 20_000


@dataclass(frozen=True)
class Thumbnail:
    """What the browser shows of a file.

    Attributes:
        pixmap: the picture, None while or where there is none.
        is_mask: whether the picture is one colour, to be tinted.
        words: one fact, such as the size in pixels.
        problem: why there is no picture, empty where there is one.
    """

    pixmap: QPixmap | None = None
    is_mask: bool = False
    words: str = ""
    problem: str = ""


class Thumbnails(QObject):
    """One per window. ``ready`` carries the absolute path of a file."""

    ready = Signal(str)

    def __init__(
        self, reader: Reader, models: ModelPool, tasks: TaskGroupOwner, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._reader, self._models, self._tasks = reader, models, tasks
        self._known: OrderedDict[tuple[str, int, int], Thumbnail] = OrderedDict()
        self._waiting: OrderedDict[tuple[str, int, int], AssetEntry] = OrderedDict()
        self._root: Path | None = None
        self._prefix = ""
        self._running = 0
        self._worker: ModelWorker | None = None
        self._drawing = asyncio.Lock()
        self._folder = cache_dir() / "thumbnails"

    def get(self, root: Path, entry: AssetEntry) -> Thumbnail | None:
        """Return what is known of a file; None: it is being made now and ``ready`` follows."""
        if entry.asset_kind is None:
            return Thumbnail()
        if root is not self._root:
            # Joined as text: a path takes longer than all else here.
            self._root, self._prefix = root, str(root / "_")[:-1]
        key = (self._prefix + entry.path, entry.size, entry.mtime_ns)
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
            return found
        self._waiting[key] = entry
        self._waiting.move_to_end(key)
        # What was scrolled past long ago is asked for again when it comes back.
        while len(self._waiting) > _MAX_WAITING:
            self._waiting.popitem(last=False)
        if self._running < _WORKERS:
            self._running += 1
            self._tasks.spawn(self._work(), "thumbnails", self)
        return None

    def forget(self) -> None:
        """Drop what is not begun: another folder is looked at."""
        self._waiting.clear()

    async def aclose(self) -> None:
        """End the drawing process."""
        self._waiting.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.aclose()

    # -- making ----------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            while self._waiting:
                key, entry = self._waiting.popitem(last=True)
                if key in self._known:
                    continue
                try:
                    self._known[key] = await self._make(Path(key[0]), entry)
                except Exception:
                    # An error of ours is told once; each painting would ask for it again.
                    self._known[key] = Thumbnail(
                        problem=translate("Its picture could not be made.")
                    )
                    raise
                while len(self._known) > _MAX_KEPT:
                    self._known.popitem(last=False)
                self.ready.emit(key[0])
        finally:
            self._running -= 1

    async def _make(self, path: Path, entry: AssetEntry) -> Thumbnail:
        kind = entry.asset_kind
        if kind is None:
            return Thumbnail()
        try:
            digest = await asyncio.to_thread(content_hash, path)
            file = self._folder / digest[:2] / f"{digest}-{_REVISION}.png"
            kept = await asyncio.to_thread(_load, file)
            if kept is not None:
                image, words = kept
            else:
                image, words = await self._draw(kind, path)
                await asyncio.to_thread(_store, file, image, words)
        except (SlateError, OSError) as error:
            words = error.strerror if isinstance(error, OSError) else sentence(str(error))
            return Thumbnail(problem=words or translate("It cannot be read."))
        is_mask = image.format() == QImage.Format.Format_Grayscale8
        image = await asyncio.to_thread(_paintable, image)
        return Thumbnail(QPixmap.fromImage(image), is_mask, words)

    async def _draw(self, kind: AssetKind, path: Path) -> tuple[QImage, str]:
        if kind is AssetKind.MODEL:
            return await self._draw_model(path)
        task = f"{kind.value}:{kind.value}_thumbnail"
        reading = await self._reader.read(task, path, kind=kind, side=SIDE)
        pixels = reading.plane(reading.result["plane"])
        image = await asyncio.to_thread(_to_image, pixels)
        await asyncio.to_thread(reading.close)
        return image, str(reading.result["words"])

    async def _draw_model(self, path: Path) -> tuple[QImage, str]:
        # Checked first, by the reader that knows what a hostile file looks like.
        described = await self._reader.read("model:describe_model", path, kind=AssetKind.MODEL)
        await asyncio.to_thread(described.close)
        files = await self._reader.files_of(AssetKind.MODEL, path)
        model = await drawable(self._reader, path, described.result, files)
        try:
            data, width, height = await self._render(path, described.result, model)
        finally:
            await model.aclose()
        image = QImage(data, width, height, width * 3, QImage.Format.Format_RGB888)
        counts = described.result.get("counts", described.result)
        image = image.flipped(Qt.Orientation.Vertical).convertToFormat(QImage.Format.Format_ARGB32)
        # Kept in a file, in English; the tooltip translates it.
        return image, message(f"{int(counts['triangles']):,} tris")

    async def _render(
        self, path: Path, described: dict[str, Any], model: Drawable
    ) -> tuple[bytes, int, int]:
        async with self._drawing:
            if self._worker is None or not self._worker.is_alive:
                if self._worker is not None:
                    await self._worker.aclose()
                self._worker = await self._models.take()
            is_z_up = path.suffix.lower() in (".stl", ".ply")
            up, bounds = "+Z" if is_z_up else "+Y", described["bounds"]
            opened = await self._worker.open(model.files, model.main, up, bounds)
            order = model_order(described, opened, "z" if is_z_up else "y")
            return await self._worker.render(order)


def model_order(described: dict[str, Any], opened: dict[str, Any], up: str) -> dict[str, Any]:
    """Return what a drawing process is told, for all of a model from the usual side."""
    low, high = described["bounds"]
    camera = Camera(angle=float(opened["angle"]), up=up).around(low, high).framed()
    return REHEARSAL | {
        "width": SIDE,
        "height": SIDE,
        "grid": False,
        "background": (0.12, 0.13, 0.16),
        "animation": 0 if opened["animations"] else -1,
        "camera": {
            "position": camera.position,
            "focal": camera.focal,
            "up": camera.view_up,
            "angle": camera.angle,
        },
    }


def content_hash(path: Path) -> str:
    """Return a hash of a file's content. Blocks.

    Raises:
        AssetError: it is no regular file.
        OSError: it cannot be read.
    """
    if not path.is_file() or path.is_symlink():
        raise AssetError.invalid("This is not a regular file.")
    digest = hashlib.blake2b(digest_size=20)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    if path.suffix.lower() in (".gltf", ".obj"):
        # Its picture depends on the files beside it too; their times stand for their content.
        for file in sorted(path.parent.rglob("*"))[:_MAX_SIBLINGS]:
            info = file.lstat()
            digest.update(f"{file}:{info.st_size}:{info.st_mtime_ns}".encode(errors="replace"))
    return digest.hexdigest()


def _to_image(pixels: Any) -> QImage:
    if pixels.ndim == 2:
        height, width = pixels.shape
        image = QImage(pixels.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
        return image.copy()
    height, width = pixels.shape[:2]
    image = QImage(pixels.tobytes(), width, height, width * 4, QImage.Format.Format_RGBA8888)
    return image.convertToFormat(QImage.Format.Format_ARGB32)


def _paintable(image: QImage) -> QImage:
    """Return an image as the screen has it: then a pixmap of it is made at once."""
    if image.format() == QImage.Format.Format_Grayscale8:
        image.reinterpretAsFormat(QImage.Format.Format_Alpha8)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def _load(file: Path) -> tuple[QImage, str] | None:
    image = QImage(str(file))
    if image.isNull() or max(image.width(), image.height()) > SIDE:
        return None
    words = image.text("words")
    if image.format() != QImage.Format.Format_Grayscale8:
        image = image.convertToFormat(QImage.Format.Format_ARGB32)
    return image, words


def _store(file: Path, image: QImage, words: str) -> None:
    """Keep a picture; a full disk costs time later, nothing else."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        image.setText("words", words)
        # Two copies of a file may be drawn at once.
        temporary = file.with_suffix(f".{secrets.token_hex(4)}.tmp")
        if QImageWriter(str(temporary), b"PNG").write(image):
            temporary.replace(file)
        else:
            temporary.unlink(missing_ok=True)
    except OSError as exc:
        log.info("a thumbnail cannot be kept", extra={"reason": str(exc)})


def clear_out(folder: Path | None = None) -> int:
    """Remove the oldest half of the kept pictures when there are too many. Blocks."""
    folder = folder or cache_dir() / "thumbnails"
    files = list(folder.glob("*/*.png"))
    if len(files) <= _MAX_FILES:
        return 0
    files.sort(key=lambda file: file.stat().st_mtime)
    for file in files[: len(files) // 2]:
        file.unlink(missing_ok=True)
    return len(files) // 2


def fitted(pixmap: QPixmap, side: int) -> QSize:
    """Return the size of a picture in a square of ``side`` pixels; small ones stay small."""
    size = pixmap.size()
    if size.width() > side or size.height() > side:
        return size.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio)
    return size
