"""The levels of one texture as the viewer uses them, largest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slate_desktop.pipeline.preview.planes import Array


@dataclass(frozen=True)
class Levels:
    """Arrays of one texture, and the size that the largest stands for.

    Attributes:
        arrays: (height, width, 4), uint8 or float32; each about half the one before.
        width: of the texture, in texels; a first small picture stands for a larger one.
        height: of the texture, in texels.
    """

    arrays: tuple[Array, ...]
    width: int
    height: int

    def scale_of(self, index: int) -> tuple[float, float]:
        """Return how many texels of the texture one of a level covers, across and down."""
        height, width = self.arrays[index].shape[:2]
        return self.width / width, self.height / height

    def level_for(self, zoom: float) -> int:
        """Return the level to show at ``zoom`` screen pixels for each texel."""
        for index in range(len(self.arrays)):
            if self.scale_of(index)[0] * zoom >= 0.99 or index == len(self.arrays) - 1:
                return index
        return 0

    def texel(self, x: int, y: int, index: int = 0) -> tuple[float, ...]:
        """Return the four values at a texel of the texture, from a level."""
        across, down = self.scale_of(index)
        level = self.arrays[index]
        row = min(int(y / down), level.shape[0] - 1)
        column = min(int(x / across), level.shape[1] - 1)
        return tuple(value.item() for value in level[row, column])
