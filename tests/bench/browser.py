"""50,000 small assets in the browser: looked through, and scrolled while their pictures come in.

Files are real: pictures and sounds of a few hundred bytes, each with its own content. A frame is
the processor time of one painting of the grid, a turn that of the loop's thread between two beats.
"""

from __future__ import annotations

import asyncio
import statistics
import struct
import time
import wave
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget

from slate_desktop.ui.assets import thumbnails
from slate_desktop.ui.assets.browser import AssetBrowser
from slate_desktop.ui.assets.grid import AssetGrid
from slate_desktop.ui.documents.document import DocumentContext
from slate_desktop.ui.documents.kinds import preload
from slate_desktop.ui.documents.model.pool import ModelPool
from slate_desktop.ui.documents.reader import Reader
from slate_desktop.ui.garbage import calm_collector
from slate_desktop.ui.loop import Loop
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import Theme
from tests.bench.display import virtual_display
from tests.bench.harness import Result
from tests.bench.qt import Heart, application, settle

FILES, FOLDERS = 50_000, 50
LIMIT_MS = 16.0
_SIDE = 320
_FRAME_S = 1 / 60
# Pixels a frame: a turned wheel, a dragged bar, and one that is thrown from end to end.
_PACES = ((12, 240), (150, 240), (40_000, 120))


class _TimedGrid(AssetGrid):
    frames_ms: list[float] = []  # noqa: RUF012 - one browser is measured at a time

    def paintEvent(self, event: QPaintEvent) -> None:
        begin = time.thread_time()
        super().paintEvent(event)
        self.frames_ms.append((time.thread_time() - begin) * 1e3)


def run() -> list[Result]:
    """Measure turns and frames."""
    filling = Result(f"Browser, {FILES:,} assets found and shown, longest turn", "limit", "ms")
    turn = Result("Browser, longest turn while it is scrolled", "limit", "ms")
    frame = Result("Browser, 99th percentile of a frame", "limit", "ms")
    results = [filling, turn, frame]
    for result in results:
        result.peer_values, result.higher_is_better = [LIMIT_MS], False
    with virtual_display(), TemporaryDirectory() as name:
        folder = Path(name)
        write_assets(folder / "assets")
        app = application()
        with (
            mock.patch("slate_desktop.ui.assets.browser.AssetGrid", _TimedGrid),
            mock.patch.object(thumbnails, "cache_dir", return_value=folder / "cache"),
            asyncio.Runner(loop_factory=lambda: Loop(app)) as runner,
        ):
            fill, scroll, seen = runner.run(_scroll(folder / "assets"))
        settle()
    frames = _TimedGrid.frames_ms
    filling.our_values = [fill.longest_cpu_ms]
    turn.our_values = [scroll.longest_cpu_ms]
    turn.note = f"one beat in a thousand took longer than {scroll.p999_cpu_ms:.1f} ms; "
    turn.note += f"{seen:,} pictures came in meanwhile"
    frame.our_values = [statistics.quantiles(frames, n=100)[98]]
    frame.note = f"{len(frames)} frames, the median {statistics.median(frames):.1f} ms, "
    frame.note += f"the longest {max(frames):.1f} ms"
    for result in results:
        result.show()
    return results


async def _scroll(root: Path) -> tuple[Heart, Heart, int]:
    theme = application().findChild(Theme) or Theme(application())
    problems: list[str] = []
    tasks = TaskGroupOwner(lambda error, name: problems.append(f"{name}: {error!r}"))
    context = DocumentContext(
        theme=theme, tasks=tasks, say=lambda _words: None, open_path=lambda _path: None,
        reader=Reader(), models=ModelPool(),
    )  # fmt: skip
    await preload(context)
    holder = QWidget()
    browser = AssetBrowser(context)
    browser.setParent(holder)
    browser.resize(1000, 640)
    holder.resize(1000, 640)
    holder.show()
    seen: list[str] = []
    browser.thumbnails.ready.connect(seen.append)
    await asyncio.sleep(0.5)
    filled = asyncio.Event()
    browser.filled.connect(filled.set)
    with Heart() as fill:
        browser.set_root(root)
        async with asyncio.timeout(120):
            await filled.wait()
        await asyncio.sleep(0.5)
    assert browser.model.rowCount() == FILES
    # As the window does it some seconds after its start.
    calm_collector()
    _TimedGrid.frames_ms.clear()
    with Heart() as scroll:
        for is_list in (False, True):
            browser.grid.set_list(is_list)
            for pace, count in _PACES:
                await _move(browser.grid, pace, count)
    count = len(seen)
    await tasks.aclose()
    await browser.aclose()
    await context.models.aclose()
    await context.reader.aclose()
    holder.deleteLater()
    if problems:
        raise RuntimeError("; ".join(problems))
    return fill, scroll, count


async def _move(grid: AssetGrid, pace: int, count: int) -> None:
    """Scroll so many frames, down and at the end up again."""
    bar, step = grid.verticalScrollBar(), pace
    for _ in range(count):
        value = bar.value() + step
        if not 0 <= value <= bar.maximum():
            step = -step
        bar.setValue(value)
        await asyncio.sleep(_FRAME_S)


def write_assets(folder: Path, count: int = FILES) -> None:
    """Write pictures of one colour each, and every tenth a sound of one tone."""
    for number in range(count):
        path = folder / f"set{number % FOLDERS:02d}" / f"asset_{number:05d}"
        if number < FOLDERS:
            path.parent.mkdir(parents=True)
        if number % 10:
            path.with_suffix(".png").write_bytes(_png(number))
        else:
            _write_wav(path.with_suffix(".wav"), number)


def _png(number: int) -> bytes:
    row = b"\0" + struct.pack(">I", number)[1:] * _SIDE

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    body = zlib.compress(row * _SIDE, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _write_wav(path: Path, number: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8_000)
        file.writeframes(bytes((index * number) % 251 for index in range(800)))


if __name__ == "__main__":
    run()
