"""Icons: the bundled Lucide shapes, tinted with a colour of the theme.

Owns turning ``resources/icons/<name>.svg`` into crisp pixmaps for the screen's scale. Icons are
made when they are first asked for, so that the first paint costs only what it shows.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from slate_desktop.settings.paths import resource_path
from slate_desktop.ui.tokens import Tokens

# Filled shapes read better than outlines at 16 pixels.
_FILLED = frozenset({"dot", "play", "square"})


@lru_cache(maxsize=256)
def _source(name: str) -> bytes:
    return Path(resource_path("icons", f"{name}.svg")).read_bytes()


@lru_cache(maxsize=256)
def _shape(name: str, size: int, ratio: float) -> QImage:
    """Return an icon at ``size`` logical pixels in black, as it was drawn once."""
    # Not at the top: what it needs is not read before the first paint.
    from slate_desktop.ui import icon_cache

    side = round(size * ratio)
    kept = icon_cache.shapes()
    alpha = kept.get(name, side)
    if alpha is None:
        drawn = _draw(name, side).convertToFormat(QImage.Format.Format_Alpha8)
        alpha = b"".join(_row(drawn, row) for row in range(side))
        kept.add(name, side, alpha)
    shape = QImage(alpha, side, side, side, QImage.Format.Format_Alpha8)
    return shape.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def _row(image: QImage, row: int) -> bytes:
    line: Any = image.constScanLine(row)  # padded to four bytes
    return bytes(line[: image.width()])


def _draw(name: str, side: int) -> QImage:
    """Draw an icon, with some stroke weight less than Lucide's own."""
    svg = _source(name).replace(b"currentColor", b"#000000")
    svg = svg.replace(b'stroke-width="2"', b'stroke-width="1.75"')
    if name in _FILLED:
        svg = svg.replace(b'fill="none"', b'fill="#000000"', 1)
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(QByteArray(svg)).render(painter, QRectF(0, 0, side, side))
    painter.end()
    return image


@lru_cache(maxsize=512)
def _render(name: str, color: str, size: int, ratio: float) -> QPixmap:
    """Tint a shape: a tenth of the time of drawing it in every colour."""
    image = _shape(name, size, ratio).copy()
    painter = QPainter(image)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(image.rect(), QColor(color))
    painter.end()
    pixmap = QPixmap.fromImage(image)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def _ratio() -> float:
    app = QGuiApplication.instance()
    return app.devicePixelRatio() if isinstance(app, QGuiApplication) else 1.0


def pixmap(name: str, tokens: Tokens, role: str = "text.muted", size: int = 16) -> QPixmap:
    """Return one icon as a pixmap, ``role`` naming a colour such as ``state.ok``."""
    return _render(name, tokens.hex(role), size, _ratio())


@lru_cache(maxsize=512)
def _icon(name: str, color: str, disabled: str, selected: str, ratio: float) -> QIcon:
    icon = QIcon()
    for mode, tint in (
        (QIcon.Mode.Normal, color),
        (QIcon.Mode.Disabled, disabled),
        (QIcon.Mode.Selected, selected),
    ):
        icon.addPixmap(_render(name, tint, 16, ratio), mode)
    return icon


def icon(name: str, tokens: Tokens, role: str = "text.muted") -> QIcon:
    """Return one icon with its normal, disabled and selected looks."""
    on_selected = "text.on_selected" if role.startswith("text.") else role
    return _icon(
        name, tokens.hex(role), tokens.hex("text.disabled"), tokens.hex(on_selected), _ratio()
    )


def application_icon() -> QIcon:
    """Return the program's own icon, for title bars and task switchers."""
    return QIcon(str(resource_path("app", "slate-desktop.svg")))


def icon_file(name: str, tokens: Tokens, role: str, directory: Path) -> str:
    """Write a tinted SVG for the style sheet, which takes files only; return its URL path."""
    target = directory / f"{tokens.name}-{name}-{role.replace('.', '-')}.svg"
    svg = _source(name).replace(b"currentColor", tokens.hex(role).encode())
    if not target.exists() or target.read_bytes() != svg:
        directory.mkdir(parents=True, exist_ok=True)
        target.write_bytes(svg)
    return target.as_posix()
