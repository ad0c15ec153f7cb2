"""Pictures that drawing is compared with; ``SLATE_WRITE_REFERENCES=1`` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

FOLDER = Path(__file__).parent / "references"
# Steps of 255 by which a pixel may differ: other versions round and shade edges differently.
_STEPS = 24


def assert_like(image: QImage, name: str, share: float = 0.02) -> None:
    """Fail when more than a share of the pixels differ visibly from a reference."""
    path = FOLDER / f"{name}.png"
    if os.environ.get("SLATE_WRITE_REFERENCES"):
        FOLDER.mkdir(exist_ok=True)
        image.convertToFormat(QImage.Format.Format_RGB888).save(str(path))
    reference = QImage(str(path))
    assert not reference.isNull(), path
    found = unlike(image, reference)
    assert found <= share, f"{name}: {found:.1%} of the pixels differ"


def unlike(first: QImage, second: QImage) -> float:
    """Return the share of pixels that differ visibly."""
    a, b = pixels(first), pixels(second)
    assert a.shape == b.shape
    return float((np.abs(a - b).max(axis=2) > _STEPS).mean())


def pixels(image: QImage) -> np.ndarray:
    """Return (height, width, 3) whole numbers."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    raw = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return raw[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)


def middle_of(widget: QWidget, width: int = 160, height: int = 120) -> QImage:
    """Return what a widget shows around its middle."""
    place = QRect(0, 0, width, height)
    place.moveCenter(widget.rect().center())
    return widget.grab(place).toImage()


def small(image: QImage, width: int, height: int) -> QImage:
    """Return an image in a fixed size, whatever it was drawn in."""
    mode = Qt.TransformationMode.SmoothTransformation
    return image.scaled(QSize(width, height), Qt.AspectRatioMode.IgnoreAspectRatio, mode)
