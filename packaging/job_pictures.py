"""Pictures of asset jobs: a folder of fifty assets is dropped on the real window, one is broken."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance
from preview_pictures import make_assets

Take = Callable[[Any, str], Awaitable[None]]
Until = Callable[..., Awaitable[None]]
_COUNT = 50


async def job_pictures(window: Any, take: Take, until: Until) -> None:
    """Drop the folder, watch, look at what failed and at a report, and at the options."""
    await until(lambda: window.is_built, "the window")
    window.resize(1520, 920)
    await until(lambda: window.workspace.answered.is_set(), "the connection")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "harbour"
        await asyncio.to_thread(_fill, root)
        work, pane = window.workspace, window.jobs
        await work.add_project(str(root), "harbour", "custom", ["true"])
        await until(lambda: any(p.name == "harbour" for p in work.projects), "the project")
        work.choose_project(next(p.id for p in work.projects if p.name == "harbour"))
        await until(window.registry["jobs.add"].isEnabled, "its jobs")
        window.job_commands.show_pane()
        window.resizeDocks([window.docks.docks["jobs"]], [470], _vertical())
        _drop(window, root / "art")
        await until(lambda: _count(pane, "completed") > 5, "the first results", 150)
        await until(lambda: pane.rows.jobs and _count(pane, "processing") > 0, "a job that runs")
        window.toasts.clear()
        await take(window, "jobs-progress")
        await until(lambda: all(job.is_final for job in pane.rows.jobs), "the end", 240)
        await until(lambda: len(pane.rows.jobs) == _COUNT, "all jobs")
        window.toasts.clear()
        _choose(pane, "broken.png")
        await take(window, "jobs-failed")
        _choose(pane, "stone_albedo.png")
        await take(window, "jobs-report")
        pane.side.setCurrentWidget(pane.options)
        pane.options.choose("mobile")
        await take(window, "jobs-options")


def _fill(root: Path) -> None:
    """Make fifty assets: most are textures, one of them is cut off."""
    make_assets(root / "art")
    (root / "art" / "player.gd").unlink()
    textures = root / "art" / "textures"
    base = Image.open(textures / "stone_albedo.png")
    made = len(list((root / "art").rglob("*.*")))
    number = 0
    while made < _COUNT:
        number += 1
        side = 256 if number % 3 else 512
        picture = base.resize((side, side)).rotate(90 * (number % 4))
        picture = ImageEnhance.Color(picture).enhance(0.3 + number * 0.04)
        picture.save(textures / f"wall_{number:02}_albedo.png")
        made += 1
        if number % 3 == 0 and made < _COUNT:
            _write_model(root / "art" / "models" / f"buoy_{number:02}.obj", number)
            made += 1
    base.close()


def _write_model(path: Path, number: int) -> None:
    """Write a vase of 48 times 24 quads."""
    around, rings = 48, 24
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    lines = []
    for ring in range(rings):
        radius = 1 + 0.4 * np.sin(ring * 0.3 + number)
        lines += [
            f"v {radius * np.cos(a):.5f} {ring * 0.2:.3f} {radius * np.sin(a):.5f}" for a in turn
        ]
    for ring in range(rings - 1):
        for place in range(around):
            a, b = ring * around + place + 1, ring * around + (place + 1) % around + 1
            lines.append(f"f {a} {a + around} {b + around} {b}")
    path.write_text("\n".join(lines), encoding="ascii")


def _drop(window: Any, folder: Path) -> None:
    from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
    from PySide6.QtGui import QDropEvent

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    keys, buttons = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    action = Qt.DropAction.CopyAction
    window.dropEvent(QDropEvent(QPointF(5, 5), action, data, buttons, keys))


def _count(pane: Any, status: str) -> int:
    return sum(job.status.value == status for job in pane.rows.jobs)


def _choose(pane: Any, name: str) -> None:
    job = next(job for job in pane.rows.jobs if job.path.endswith(name))
    index = pane.rows.index(pane.rows.row_of(job.id), 0)
    pane.view.setCurrentIndex(index)
    pane.view.scrollTo(index, pane.view.ScrollHint.PositionAtCenter)


def _vertical() -> Any:
    from PySide6.QtCore import Qt

    return Qt.Orientation.Vertical
