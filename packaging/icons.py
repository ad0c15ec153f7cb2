"""Draws the program's icon in the sizes and containers that desktops ask for.

python packaging/icons.py DIRECTORY      slate-desktop.ico and slate-desktop.icns, too
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "slate-desktop"
SOURCE = ROOT / "resources" / "app" / f"{NAME}.svg"
# Below 256 what hicolor, the taskbar and Explorer ask for; above, what Finder and shops do.
SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
_ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
_LARGEST = 1024


def draw(size: int) -> bytes:
    """Return the icon as a PNG of ``size`` by ``size`` pixels."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QBuffer, QRectF, Qt
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    app = QGuiApplication.instance() or QGuiApplication([])
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(SOURCE)).render(painter, QRectF(0, 0, size, size))
    painter.end()
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):
        raise SystemExit("icons: Qt cannot write PNG here")
    del app
    return bytes(buffer.data().data())


def write_pngs(directory: Path) -> None:
    """Write the icon below a theme's directory, in every size."""
    for size in SIZES:
        target = directory / f"{size}x{size}" / "apps" / f"{NAME}.png"
        target.parent.mkdir(parents=True)
        target.write_bytes(draw(size))


def icon_file(kind: str, directory: Path) -> str:
    """Write the icon as ``ico`` (Windows) or ``icns`` (macOS); returns the file's path."""
    from PIL import Image

    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"{NAME}.{kind}"
    # Each size is drawn, not scaled: lines stay on pixels.
    wanted = _ICO_SIZES if kind == "ico" else (32, 64, 128, 256, 512)
    others = [Image.open(io.BytesIO(draw(size))) for size in wanted]
    largest = Image.open(io.BytesIO(draw(256 if kind == "ico" else _LARGEST)))
    if kind == "ico":
        largest.save(target, sizes=[(size, size) for size in wanted], append_images=others)
    else:
        largest.save(target, append_images=others)
    return str(target)


def main() -> int:
    """Write every form of the icon into a directory."""
    directory = Path(sys.argv[1])
    write_pngs(directory / "hicolor")
    for kind in ("ico", "icns"):
        print(icon_file(kind, directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
