"""A hundred previews opened and closed: the turns of the loop, and memory afterwards.

Textures, sounds, models, texts and unknown files, in the window's own area of documents. A turn is
the processor time of the loop's thread between two beats of a clock on it.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from PySide6.QtWidgets import QWidget

from slate_desktop.control.client import Slate
from slate_desktop.errors import DatabaseError
from slate_desktop.ui import app as app_module
from slate_desktop.ui.documents.area import DocumentArea
from slate_desktop.ui.documents.document import Document, DocumentContext
from slate_desktop.ui.documents.kinds import preload
from slate_desktop.ui.documents.model.pool import ModelPool
from slate_desktop.ui.documents.model_document import ModelDocument
from slate_desktop.ui.documents.reader import Reader
from slate_desktop.ui.garbage import calm_collector
from slate_desktop.ui.loop import Loop
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import WindowState
from tests.bench.display import virtual_display
from tests.bench.harness import Result
from tests.bench.qt import Heart, application, settle
from tests.gui.preview_files import write_glb, write_wav

COUNT, WARM, IN_WINDOW = 100, 30, 100
LIMIT_MS, LIMIT_MB = 16.0, 24.0
_SIDE, _SOUND_S = 2048, 60.0
_LOOK_S = 0.15
# Freed memory goes back to the system once nothing was closed for a second.
_CALM_S = 1.5


def run() -> list[Result]:
    """Measure both."""
    turn = Result("Previews, longest turn of the loop", "limit", "ms", [LIMIT_MS])
    memory = Result(f"Memory after {COUNT} previews were closed", "limit", "MB", [LIMIT_MB])
    window = Result("The same in the whole window", "limit", "ms", [LIMIT_MS])
    for result in (turn, window, memory):
        result.higher_is_better = False
    with virtual_display(), TemporaryDirectory() as folder:
        app = application()
        files = _files(Path(folder))
        with asyncio.Runner(loop_factory=lambda: Loop(app)) as runner:
            turns, grown_mb = runner.run(_open_and_close(files))
            in_window = runner.run(_in_window(files))
        settle()
    for result, found in ((turn, turns), (window, in_window)):
        result.our_values = [max(map(max, found.values()))]
        result.note = "longest and usual: " + ", ".join(
            f"{name} {max(values):.1f} and {statistics.median(values):.1f} ms"
            for name, values in found.items()
        )
    memory.our_values = [max(grown_mb, 0.1)]
    memory.note = f"since the first {WARM} had been closed; the whole process"
    for result in (turn, window, memory):
        result.show()
    return [turn, window, memory]


async def _open_and_close(files: list[Path]) -> tuple[dict[str, list[float]], float]:
    theme = application().findChild(Theme) or Theme(application())
    problems: list[str] = []
    tasks = TaskGroupOwner(lambda error, name: problems.append(f"{name}: {error!r}"))
    context = DocumentContext(
        theme=theme, tasks=tasks, say=lambda _words: None, open_path=lambda _path: None,
        reader=Reader(), models=ModelPool(),
    )  # fmt: skip
    holder = QWidget()
    area = DocumentArea(QWidget(), context, holder)
    area.resize(1100, 700)
    area.show()
    await preload(context)
    # As the window does it some seconds after its start.
    calm_collector()
    turns: dict[str, list[float]] = {}
    memory = psutil.Process().memory_info
    before = 0
    for number in range(COUNT + WARM):
        path = files[number % len(files)]
        if number == WARM:
            gc.collect()
            await asyncio.sleep(_CALM_S)
            before = memory().rss
        turns.setdefault(path.suffix[1:], []).append(await _turn(area, path))
    gc.collect()
    await asyncio.sleep(_CALM_S)
    grown = memory().rss - before
    await tasks.aclose()
    await area.aclose()
    await context.models.aclose()
    await context.reader.aclose()
    holder.deleteLater()
    area.deleteLater()
    if problems:
        raise RuntimeError("; ".join(problems))
    return turns, grown / 1e6


async def _in_window(files: list[Path]) -> dict[str, list[float]]:
    """The same in the window of the program, which nothing connects: its bars, docks and lists."""

    async def connect(_on_step: object) -> Slate:
        raise DatabaseError("There is no database.")

    theme = application().findChild(Theme) or Theme(application())
    window = MainWindow(theme, WindowState(has_samples=True), connect)  # type: ignore[arg-type]
    window.build()
    window.resize(1400, 900)
    window.show()
    window.tasks.spawn(window.workspace.run(), "workspace", window)
    turns: dict[str, list[float]] = {}
    try:
        await window.workspace.answered.wait()
        await preload(window.documents.context)
        calm_collector()
        for number in range(WARM + IN_WINDOW):
            path = files[number % len(files)]
            longest_ms = await _turn(window.documents, path)
            if number >= WARM:
                turns.setdefault(path.suffix[1:], []).append(longest_ms)
    finally:
        await app_module.shut_down(window)
        window.close_for_good()
    return turns


async def _turn(area: DocumentArea, path: Path) -> float:
    """Open a preview, look at it, close it; returns the longest turn in ms."""
    with Heart() as heart:
        document = area.open_path(path)
        await _shown(document)
        await area.close_document(document)
        await asyncio.sleep(0.02)
    return heart.longest_cpu_ms


async def _shown(document: Document) -> None:
    """Wait until a document is loaded and, for a model, until a frame is there."""
    deadline = time.monotonic() + 60
    while not document.is_loaded or (
        isinstance(document, ModelDocument) and document.view.frame is None
    ):
        if time.monotonic() > deadline:
            raise TimeoutError(document.path)
        await asyncio.sleep(0.005)
    if document.problem is not None:
        raise RuntimeError(document.problem.why)
    await asyncio.sleep(_LOOK_S)


def _files(folder: Path) -> list[Path]:
    from PIL import Image

    small = np.random.default_rng(1).integers(0, 256, (128, 128, 4), np.uint8)
    picture = Image.fromarray(small, "RGBA").resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    picture.save(folder / "texture.png", compress_level=1)
    write_wav(folder / "sound.wav", seconds=_SOUND_S, rate=44_100)
    write_glb(folder / "model.glb")
    lines = (f"func step_{n}(value):\n\treturn value * {n}  # one\n" for n in range(2000))
    (folder / "script.gd").write_text("\n".join(lines), encoding="utf-8")
    (folder / "unknown.bin").write_bytes(bytes(range(256)) * 4096)
    return [folder / name for name in (
        "texture.png", "sound.wav", "model.glb", "script.gd", "unknown.bin",
    )]  # fmt: skip
