"""Pictures in the size in which they are painted: scaling forty takes longer than a frame."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap

_MAX_KEPT = 600
# Scaled anew in one painting; the others are painted roughly and come with the next one.
_MAX_NEW = 6


class ScaledPictures:
    """Keeps what was scaled last.

    Attributes:
        is_rough: whether something was not scaled in this painting.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int, int, int], QPixmap] = OrderedDict()
        self._left = _MAX_NEW
        self.is_rough = False

    def begin(self) -> None:
        """Begin a painting."""
        self._left, self.is_rough = _MAX_NEW, False

    def get(self, pixmap: QPixmap, size: QSize, ratio: float, tint: QColor | None) -> QPixmap:
        """Return a picture that is painted without scaling, or the picture itself for now.

        Args:
            pixmap: what is shown.
            size: on the screen, in logical pixels.
            ratio: device pixels of one of them.
            tint: the colour of a mask, None for a picture.
        """
        wanted = QSize(round(size.width() * ratio), round(size.height() * ratio))
        if tint is None and pixmap.size() == wanted and ratio == 1.0:
            return pixmap
        key = (pixmap.cacheKey(), wanted.width(), wanted.height(), tint.rgb() if tint else 0)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        if self._left <= 0:
            self.is_rough = True
            return pixmap
        self._left -= 1
        made = pixmap.scaled(
            wanted, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        if tint is not None:
            _tint(made, tint)
        made.setDevicePixelRatio(ratio)
        self._kept[key] = made
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        return made

    def clear(self) -> None:
        """Forget all: colours are others now."""
        self._kept.clear()


def _tint(mask: QPixmap, color: QColor) -> None:
    painter = QPainter(mask)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(mask.rect(), color)
    painter.end()
