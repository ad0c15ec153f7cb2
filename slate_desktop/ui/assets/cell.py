"""How one asset looks in the browser: picture, name, a fact, and its state."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen, QPixmap

from slate_desktop.control.asset_index import AssetEntry
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.ui import icons
from slate_desktop.ui.assets.list_model import AssetListModel
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
# Selected, current and focused, under the mouse.
Look = tuple[bool, bool, bool]


class CellPainter:
    """Paints cells of a grid and rows of a list."""

    def __init__(self, model: AssetListModel, theme: Theme) -> None:
        self._model, self._theme = model, theme

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
        tokens = self._theme.tokens
        side = rect.width() - 2 * _PADDING
        picture = QRect(rect.left() + _PADDING, rect.top() + _PADDING, side, side)
        known = self._paint_picture(painter, picture, entry)
        metrics = painter.fontMetrics()
        name = metrics.elidedText(clean(entry.name), Qt.TextElideMode.ElideMiddle, side)
        painter.setPen(tokens.color("text.on_selected" if is_selected else "text.normal"))
        below = QRect(picture.left(), picture.bottom() + 2, side, metrics.height() + 2)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignCenter), name)
        if known is not None and known.words and side >= 96:
            self._paint_words(painter, picture, known.words, metrics)
        self._paint_state(painter, picture.topRight(), entry)

    def _paint_row(
        self,
        painter: QPainter,
        rect: QRect,
        entry: AssetEntry,
        *,
        is_selected: bool,
    ) -> None:
        tokens = self._theme.tokens
        side = rect.height() - 6
        picture = QRect(rect.left() + _PADDING, rect.top() + 3, side, side)
        known = self._paint_picture(painter, picture, entry)
        width = rect.width()
        moment = datetime.fromtimestamp(entry.mtime_ns / 1e9, UTC).astimezone()
        folder = entry.path.rpartition("/")[0]
        columns = (
            (picture.right() + 8, 0.34, clean(entry.name), "text.normal"),
            (round(width * 0.38), 0.24, clean(folder), "text.faint"),
            (round(width * 0.63), 0.13, known.words if known is not None else "", "text.muted"),
            (round(width * 0.76), 0.09, format_bytes(entry.size), "text.muted"),
            (round(width * 0.85), 0.12, moment.strftime("%Y-%m-%d %H:%M"), "text.faint"),
        )
        metrics = painter.fontMetrics()
        for left, share, words, role in columns:
            room = QRect(left, rect.top(), round(width * share) - 8, rect.height())
            painter.setPen(tokens.color("text.on_selected" if is_selected else role))
            words = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, room.width())
            painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter), words)
        corner = rect.topRight()
        corner.setY(rect.center().y() - 8)
        self._paint_state(painter, corner, entry)

    def _paint_picture(self, painter: QPainter, rect: QRect, entry: AssetEntry) -> Thumbnail | None:
        tokens = self._theme.tokens
        known = self._model.thumbnail(entry)
        pixmap = known.pixmap if known is not None else None
        if pixmap is None:
            is_failed = known is not None and bool(known.problem)
            icon = "image-off" if is_failed else KIND_ICONS.get(entry.kind, "file")
            side = min(32, max(14, rect.height() // 3))
            mark = icons.pixmap(icon, tokens, "text.faint", side)
            place = QRect(0, 0, side, side)
            place.moveCenter(rect.center())
            painter.drawPixmap(place, mark)
            return known
        size = fitted(pixmap, rect.width())
        if size.height() > rect.height():
            size = size.scaled(rect.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(rect.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if known is not None and known.is_mask:
            pixmap = self._tinted(pixmap)
        painter.drawPixmap(place, pixmap)
        return known

    def _tinted(self, mask: QPixmap) -> QPixmap:
        pixmap = QPixmap(mask)
        painter = QPainter(pixmap)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
        painter.fillRect(pixmap.rect(), self._theme.tokens.color("graph.cpu"))
        painter.end()
        return pixmap

    def _paint_words(
        self, painter: QPainter, picture: QRect, words: str, metrics: QFontMetrics
    ) -> None:
        tokens = self._theme.tokens
        width = metrics.horizontalAdvance(words) + 8
        place = QRect(0, 0, width, metrics.height() + 2)
        place.moveBottomLeft(picture.bottomLeft())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.color("surface.raised", 225))
        painter.drawRoundedRect(place, 3, 3)
        painter.setPen(tokens.color("text.muted"))
        painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), words)

    def _paint_state(self, painter: QPainter, corner: QPoint, entry: AssetEntry) -> None:
        state = self._model.state(entry)
        if state in STATE_LOOKS:
            icon, role = STATE_LOOKS[state]
            mark = icons.pixmap(icon, self._theme.tokens, role, 16)
            painter.drawPixmap(corner.x() - 18, corner.y() + 1, mark)
