"""How one asset looks in the browser: picture, name, a fact, and its state."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen, QPixmap

from slate_desktop.control.asset_index import AssetEntry
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.translation import sentence
from slate_desktop.ui import icons
from slate_desktop.ui.assets.list_model import AssetListModel
from slate_desktop.ui.assets.scaled import ScaledPictures
from slate_desktop.ui.assets.thumbnails import Thumbnail, fitted
from slate_desktop.ui.text import clean
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import RADIUS

KIND_ICONS = {
    "texture": "file-image",
    "model": "box",
    "audio": "file-audio",
    "font": "type",
    "video": "film",
    "unsupported": "file",
}
STATE_LOOKS = {
    "processed": ("circle-check", "state.ok"),
    "stale": ("clock", "state.warn"),
    "failed": ("circle-x", "state.error"),
    "unsupported": ("circle-help", "state.idle"),
    "own options": ("sliders-horizontal", "accent.text"),
}
_PADDING = 8
_BREAKS = "_- "
_MAX_KEPT = 4_000
_CENTRED = int(Qt.AlignmentFlag.AlignCenter)
_KEEP = Qt.AspectRatioMode.KeepAspectRatio
_MIDDLE = Qt.TextElideMode.ElideMiddle
# Selected, current and focused, under the mouse.
Look = tuple[bool, bool, bool]


def broken(text: str, width: int, width_of: Callable[[str], int]) -> tuple[str, str]:
    """Return what of a name stands in a first line of ``width``, and the rest.

    It is broken behind the last ``_``, ``-`` or space of the line's second half, else
    where the line is full.
    """
    if width_of(text) <= width:
        return text, ""
    fits = bisect_right(range(1, len(text) + 1), width, key=lambda count: width_of(text[:count]))
    fits = max(1, fits)
    for end in range(fits, fits // 2, -1):
        if text[end - 1] in _BREAKS:
            return text[:end].rstrip(" "), text[end:]
    return text[:fits], text[fits:]


class CellPainter:
    """Paints cells of a grid and rows of a list.

    A screen holds dozens of them and is painted sixty times a second while it is scrolled: what is
    the same each time (texts, their cuts, colours, scaled pictures) is kept.
    """

    def __init__(self, model: AssetListModel, theme: Theme) -> None:
        self._model, self._theme = model, theme
        self.pictures = ScaledPictures()
        self._cut: dict[tuple[str, int], tuple[str, int]] = {}
        self._lines: dict[tuple[str, int], list[tuple[str, int]]] = {}
        self._texts: dict[AssetEntry, tuple[str, str, str, str]] = {}
        self._colors: dict[str, QColor] = {}

    def apply_theme(self) -> None:
        """Take colours and fonts of the theme."""
        self._cut.clear()
        self._lines.clear()
        self._colors.clear()
        self.pictures.clear()

    def paint(self, painter: QPainter, rect: QRect, row: int, look: Look, *, is_list: bool) -> None:
        """Paint the asset of a row."""
        entry = self._model.entries[row]
        self._paint_ground(painter, rect, look)
        if is_list:
            self._paint_row(painter, rect, entry, is_selected=look[0])
        else:
            self._paint_cell(painter, rect, entry, is_selected=look[0])

    def grab(self, row: int, side: int) -> QPixmap:
        """Return a small picture of an asset, for dragging."""
        pixmap = QPixmap(side, side)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.pictures.begin()
        self._paint_picture(painter, QRect(0, 0, side, side), self._model.entries[row])
        painter.end()
        return pixmap

    def _paint_ground(self, painter: QPainter, rect: QRect, look: Look) -> None:
        is_selected, is_focused, is_hovered = look
        tokens = self._theme.tokens
        if not (is_selected or is_focused or is_hovered):
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(tokens.color("accent.focus"), 1) if is_focused else Qt.PenStyle.NoPen)
        if is_selected:
            painter.setBrush(tokens.color("surface.selected"))
        elif is_hovered:
            painter.setBrush(tokens.color("surface.hover"))
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(2, 2, -2, -2), RADIUS, RADIUS)

    def _paint_cell(
        self,
        painter: QPainter,
        rect: QRect,
        entry: AssetEntry,
        *,
        is_selected: bool,
    ) -> None:
        side = rect.width() - 2 * _PADDING
        picture = QRect(rect.left() + _PADDING, rect.top() + _PADDING, side, side)
        known = self._paint_picture(painter, picture, entry)
        metrics = painter.fontMetrics()
        painter.setPen(self._color("text.on_selected" if is_selected else "text.normal"))
        top = picture.bottom() + 3 + metrics.ascent()
        for line, across in self._in_lines(entry.name, side, metrics):
            painter.drawText(picture.left() + (side - across) // 2, top, line)
            top += metrics.height()
        if known is not None and known.words and side >= 96:
            self._paint_words(painter, picture, sentence(known.words), metrics)
        self._paint_state(painter, picture.right(), picture.top(), entry)

    def _paint_row(
        self,
        painter: QPainter,
        rect: QRect,
        entry: AssetEntry,
        *,
        is_selected: bool,
    ) -> None:
        side = rect.height() - 6
        picture = QRect(rect.left() + _PADDING, rect.top() + 3, side, side)
        known = self._paint_picture(painter, picture, entry)
        width = rect.width()
        name, folder, size, moment = self._texts_of(entry)
        columns = (
            (picture.right() + 8, 0.34, name, "text.normal"),
            (round(width * 0.38), 0.24, folder, "text.faint"),
            (
                round(width * 0.63),
                0.13,
                sentence(known.words) if known is not None else "",
                "text.muted",
            ),
            (round(width * 0.76), 0.09, size, "text.muted"),
            (round(width * 0.85), 0.12, moment, "text.faint"),
        )
        metrics = painter.fontMetrics()
        baseline = rect.top() + (rect.height() - metrics.height()) // 2 + metrics.ascent()
        for left, share, words, role in columns:
            if words:
                shown, _across = self._shortened(words, round(width * share) - 8, metrics)
                painter.setPen(self._color("text.on_selected" if is_selected else role))
                painter.drawText(left, baseline, shown)
        self._paint_state(painter, rect.right(), rect.center().y() - 8, entry)

    def _paint_picture(self, painter: QPainter, rect: QRect, entry: AssetEntry) -> Thumbnail | None:
        known = self._model.thumbnail(entry)
        pixmap = known.pixmap if known is not None else None
        if pixmap is None:
            is_failed = known is not None and bool(known.problem)
            icon = "image-off" if is_failed else KIND_ICONS.get(entry.kind, "file")
            side = min(32, max(14, rect.height() // 3))
            mark = icons.pixmap(icon, self._theme.tokens, "text.faint", side)
            middle = rect.center()
            painter.drawPixmap(middle.x() - side // 2, middle.y() - side // 2, mark)
            return known
        size = fitted(pixmap, rect.width())
        if size.height() > rect.height():
            size = size.scaled(rect.size(), _KEEP)
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(rect.center())
        is_mask = known is not None and known.is_mask
        tint = self._color("graph.cpu") if is_mask else None
        ratio = painter.device().devicePixelRatioF()
        painter.drawPixmap(place, self.pictures.get(pixmap, size, ratio, tint))
        return known

    def _paint_words(
        self, painter: QPainter, picture: QRect, words: str, metrics: QFontMetrics
    ) -> None:
        width = self._shortened(words, picture.width(), metrics)[1] + 8
        place = QRect(0, 0, width, metrics.height() + 2)
        place.moveBottomLeft(picture.bottomLeft())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._color("surface.raised", 225))
        painter.drawRoundedRect(place, 3, 3)
        painter.setPen(self._color("text.muted"))
        painter.drawText(place, _CENTRED, words)

    def _paint_state(self, painter: QPainter, right: int, top: int, entry: AssetEntry) -> None:
        state = self._model.state(entry)
        if state in STATE_LOOKS:
            icon, role = STATE_LOOKS[state]
            mark = icons.pixmap(icon, self._theme.tokens, role, 16)
            painter.drawPixmap(right - 18, top + 1, mark)

    def _texts_of(self, entry: AssetEntry) -> tuple[str, str, str, str]:
        """Return name, folder, size and time of an entry in words."""
        found = self._texts.get(entry)
        if found is None:
            if len(self._texts) >= _MAX_KEPT:
                self._texts.clear()
            folder, _slash, name = entry.path.rpartition("/")
            moment = datetime.fromtimestamp(entry.mtime_ns / 1e9, UTC).astimezone()
            found = (
                *(clean(name), clean(folder)),
                *(format_bytes(entry.size), moment.strftime("%Y-%m-%d %H:%M")),
            )
            self._texts[entry] = found
        return found

    def _shortened(self, text: str, width: int, metrics: QFontMetrics) -> tuple[str, int]:
        """Return a text that fits, and how wide it is."""
        key = (text, width)
        found = self._cut.get(key)
        if found is None:
            if len(self._cut) >= _MAX_KEPT:
                self._cut.clear()
            shown = metrics.elidedText(text, _MIDDLE, width)
            found = self._cut[key] = (shown, metrics.horizontalAdvance(shown))
        return found

    def _in_lines(self, name: str, width: int, metrics: QFontMetrics) -> list[tuple[str, int]]:
        """Return a name in one or two lines, each with how wide it is.

        What tells names of a folder apart stands at their end: a second line shows it.
        """
        key = (name, width)
        found = self._lines.get(key)
        if found is None:
            if len(self._lines) >= _MAX_KEPT:
                self._lines.clear()
            first, rest = broken(clean(name), width, metrics.horizontalAdvance)
            rest = metrics.elidedText(rest, Qt.TextElideMode.ElideLeft, width)
            lines = (first, rest) if rest else (first,)
            found = [(line, metrics.horizontalAdvance(line)) for line in lines]
            self._lines[key] = found
        return found

    def _color(self, role: str, alpha: int = 255) -> QColor:
        found = self._colors.get(role)
        if found is None:
            found = self._colors[role] = self._theme.tokens.color(role, alpha)
        return found
