"""The pixels of a job, which may step aside onto the disk while an encoder needs the memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from slate_desktop.pipeline.texture.image import Pixels

# Smaller pictures stay: 64 MiB as bytes.
_LARGE_PIXELS = 1 << 24


class Canvas:
    """Pixels (height, width, 4) in memory, or in a file.

    Attributes:
        shape: of the array.
    """

    def __init__(self, pixels: Pixels) -> None:
        self._pixels: Pixels | None = pixels
        self._file: Path | None = None
        self._dtype = pixels.dtype
        self.shape = pixels.shape

    @property
    def is_float(self) -> bool:
        """Whether values are floats."""
        return self._dtype != np.uint8

    def pixels(self) -> Pixels:
        """Return all of them; they are read back when they are on the disk."""
        return self._pixels if self._pixels is not None else self.rows(0, self.shape[0])

    def rows(self, top: int, bottom: int) -> Pixels:
        """Return some rows."""
        if self._pixels is not None:
            return self._pixels[top:bottom]
        assert self._file is not None  # noqa: S101 - the pixels are in one of two places
        row_bytes = self.shape[1] * self.shape[2] * self._dtype.itemsize
        with self._file.open("rb") as stream:
            stream.seek(top * row_bytes)
            data = stream.read((bottom - top) * row_bytes)
        return np.frombuffer(data, self._dtype).reshape(bottom - top, *self.shape[1:])

    def step_aside(self, folder: Path) -> None:
        """Give the memory of a large picture up; ``folder`` holds it until ``close``."""
        if self._pixels is None or self.shape[0] * self.shape[1] < _LARGE_PIXELS:
            return
        self._file = folder / ".canvas"
        with self._file.open("xb") as stream:
            stream.write(np.ascontiguousarray(self._pixels).data)
        self._pixels = None

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
