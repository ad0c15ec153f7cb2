"""Writes docs/images/gallery/*.png: every panel and every dialog, in both themes, at 100 and 150 %.

    python packaging/gallery.py [NAME…]

The window is the real one, on the scripted client of the tests, so that it needs no server and
shows the same at every run. Dialogs are made as the tests over all dialogs make them: none is
forgotten.
Each scale has a process of its own, as Qt reads it when it starts. Writes docs/gallery.md, too.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TARGET = ROOT / "docs" / "images" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
SCALES = (100, 150)
THEMES = ("dark", "light")
# How large each panel is shown.
PANELS = {
    "project": (320, 520),
    "sessions": (320, 420),
    "console": (1080, 420),
    "performance": (620, 560),
    "builds": (1080, 420),
    "build": (460, 640),
    "jobs": (1080, 560),
    "assets": (1000, 460),
}
WINDOW = (1440, 900)
COLOURS = 128


def main() -> int:
    """Take the pictures, one process a scale, and write the page that shows them."""
    if "--inside" in sys.argv:
        return _inside()
    TARGET.mkdir(parents=True, exist_ok=True)
    for scale in SCALES:
        environment = {
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "QT_SCALE_FACTOR": str(scale / 100),
            "SLATE_GALLERY_SCALE": str(scale),
        }
        command = [sys.executable, __file__, "--inside", *sys.argv[1:]]
        done = subprocess.run(command, env=environment, check=False, timeout=600)
        if done.returncode:
            return done.returncode
    names = sorted({file.name.rsplit("-", 2)[0] for file in TARGET.glob("*.png")})
    PAGE.write_text(page(names), encoding="utf-8")
    return 0


def page(names: list[str]) -> str:
    """Return the page that shows every picture."""
    lines = [
        "# Every panel and dialog",
        "",
        "Written by `packaging/gallery.py`: both themes, at 100 and at 150 %.",
        "",
    ]
    for name in names:
        lines += [f"## {name.replace('-', ' ').capitalize()}", ""]
        for scale in SCALES:
            shown = [
                f"![{name}, {t}, {scale} %](images/gallery/{name}-{t}-{scale}.png)" for t in THEMES
            ]
            lines += [*shown, ""]
    return "\n".join(lines).rstrip() + "\n"


def _inside() -> int:
    import qasync
    from PySide6.QtWidgets import QApplication

    import slate_desktop.ui.plain_imports  # noqa: F401

    # It stands in pictures, and is the same at every run.
    folder = Path(tempfile.gettempdir()) / "studio"
    folder.mkdir()
    try:
        for name in ("DATA", "CONFIG", "CACHE"):
            os.environ[f"SLATE_{name}_DIR"] = str(folder / name.lower())
        app = QApplication(["slate-desktop"])
        with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
            runner.run(_take_all(app, folder))
    finally:
        shutil.rmtree(folder)
    sys.stdout.flush()
    os._exit(0)


async def _take_all(app: Any, folder: Path) -> None:
    from gallery_world import open_window

    from slate_desktop.ui import app as app_module
    from slate_desktop.ui.dialogs import fit_height, make_room
    from tests.gui.dialog_makers import DIALOGS

    wanted = [word for word in sys.argv[1:] if not word.startswith("--")]
    window = await open_window(app, folder)
    window.docks.docks["assets"].raise_()
    await _pictures_of_assets(window)
    window.docks.docks["console"].raise_()
    for theme in THEMES:
        window.theme.set_choice(theme)
        await _panels(window, theme, wanted)
        for kind, make in DIALOGS:
            name = _words(kind.__name__)
            if wanted and name not in wanted:
                continue
            dialog = make(window, folder)
            make_room(dialog)
            fit_height(dialog)
            dialog.show()
            if name == "dialog-quick-look":
                dialog.show_path(folder / "harbour" / "art" / "crate.png")
                await asyncio.sleep(4.0)
            await _take(dialog, name, theme)
            dialog.hide()
            dialog.deleteLater()
    await app_module.shut_down(window)
    window.close_for_good()


async def _pictures_of_assets(window: Any) -> None:
    """Wait for the other process that reads them."""
    while not (window.assets.browser and window.assets.browser.entries):  # noqa: ASYNC110 - of other code
        await asyncio.sleep(0.1)
    model = window.assets.browser.model
    while any(model.thumbnail(entry) is None for entry in model.entries):  # noqa: ASYNC110 - of other code
        await asyncio.sleep(0.1)


async def _panels(window: Any, theme: str, wanted: list[str]) -> None:
    from PySide6.QtCore import QSize

    window.resize(QSize(*WINDOW))
    window.docks.reset()
    await asyncio.sleep(0.2)
    for name, action in (("start-page", "view.start"), ("window", "")):
        if not wanted or name in wanted:
            if action:
                window.registry[action].trigger()
            else:
                window.binding.leave_start()
            await _take(window, name, theme)
    window.binding.leave_start()
    for name, dock in window.docks.docks.items():
        if wanted and f"panel-{name}" not in wanted:
            continue
        dock.show()
        dock.setFloating(True)
        dock.resize(QSize(*PANELS.get(name, (640, 460))))
        await _take(dock, f"panel-{name}", theme)
        dock.setFloating(False)
    window.docks.reset()


async def _take(widget: Any, name: str, theme: str) -> None:
    await asyncio.sleep(0.25)
    scale = int(os.environ["SLATE_GALLERY_SCALE"])
    path = TARGET / f"{name}-{theme}-{scale}.png"
    save(widget.grab(), path)
    print(path.relative_to(ROOT), flush=True)


def save(pixmap: Any, path: Path) -> None:
    """Write a picture with few colours, which a user interface does with."""
    from PIL import Image
    from PySide6.QtCore import QBuffer

    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    pixmap.save(buffer, "PNG")
    image = Image.open(io.BytesIO(buffer.data().data())).convert("RGB")
    # Without dithering, or the plain grounds get noise.
    small = image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def _words(name: str) -> str:
    """``AddProjectDialog`` as ``dialog-add-project``."""
    parts = re.findall(r"[A-Z][a-z]+", name.removesuffix("Dialog"))
    return "-".join(["dialog", *(part.lower() for part in parts)])


if __name__ == "__main__":
    sys.exit(main())
