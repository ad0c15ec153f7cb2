"""A camera that turns around a point, moves with it, or flies. Plain numbers, no Qt.

Right-handed, with ``up`` either y (glTF, OBJ, FBX) or z (STL, PLY).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

Vector = tuple[float, float, float]
_MAX_PITCH = math.radians(89.5)
VIEWS: dict[str, tuple[float, float]] = {
    "front": (0.0, 0.0),
    "back": (math.pi, 0.0),
    "right": (math.pi / 2, 0.0),
    "left": (-math.pi / 2, 0.0),
    "top": (0.0, _MAX_PITCH),
    "bottom": (0.0, -_MAX_PITCH),
}
_START = (math.radians(35), math.radians(20))


@dataclass(frozen=True)
class Camera:
    """Where it looks from.

    Attributes:
        focal: the point in the middle of the picture.
        distance: to that point.
        yaw: around up, radians; 0 looks at the front.
        pitch: above the ground, radians.
        angle: of the picture from bottom to top, degrees.
        up: ``y`` or ``z``.
        home: focal point and distance that show all of the model.
    """

    focal: Vector = (0.0, 0.0, 0.0)
    distance: float = 3.0
    yaw: float = _START[0]
    pitch: float = _START[1]
    angle: float = 30.0
    up: str = "y"
    home: tuple[Vector, float] = field(default=((0.0, 0.0, 0.0), 3.0))

    @property
    def position(self) -> Vector:
        """Where the camera is."""
        return _add(self.focal, self._back, self.distance)

    @property
    def view_up(self) -> Vector:
        """What is up in the picture."""
        return (0.0, 1.0, 0.0) if self.up == "y" else (0.0, 0.0, 1.0)

    def around(self, low: tuple[float, ...], high: tuple[float, ...]) -> Camera:
        """Take the corners of a model for what framing shows."""
        focal = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2)
        radius = max(math.dist(low, high) / 2, 1e-6)
        distance = radius / math.sin(math.radians(self.angle) / 2) * 1.02
        return replace(self, home=(focal, distance))

    def framed(self) -> Camera:
        """Show all of the model from this side."""
        focal, distance = self.home
        return replace(self, focal=focal, distance=distance)

    def seen_from(self, view: str) -> Camera:
        """Show all of the model from a side, one of ``VIEWS``."""
        yaw, pitch = VIEWS[view]
        return replace(self.framed(), yaw=yaw, pitch=pitch)

    def turned(self, dx: float, dy: float) -> Camera:
        """Turn by a drag of so many pixels."""
        pitch = min(max(self.pitch + dy * 0.008, -_MAX_PITCH), _MAX_PITCH)
        return replace(self, yaw=self.yaw - dx * 0.008, pitch=pitch)

    def panned(self, dx: float, dy: float, height: int) -> Camera:
        """Move across by a drag of so many pixels in a picture of ``height`` pixels."""
        size = 2 * self.distance * math.tan(math.radians(self.angle) / 2) / max(height, 1)
        focal = _add(_add(self.focal, self._right, -dx * size), self._above, dy * size)
        return replace(self, focal=focal)

    def zoomed(self, factor: float) -> Camera:
        """Come nearer (factor below 1) or go away."""
        home = self.home[1]
        return replace(self, distance=min(max(self.distance * factor, home / 200), home * 50))

    def flown(self, right: float, above: float, forward: float) -> Camera:
        """Move through the model by shares of its size."""
        step = self.home[1] * 0.02
        focal = _add(self.focal, self._right, right * step)
        focal = _add(focal, self._above, above * step)
        return replace(self, focal=_add(focal, self._back, -forward * step))

    @property
    def _back(self) -> Vector:
        """From the focal point to the camera."""
        flat, high = math.cos(self.pitch), math.sin(self.pitch)
        across, along = flat * math.sin(self.yaw), flat * math.cos(self.yaw)
        return (across, high, along) if self.up == "y" else (across, -along, high)

    @property
    def _right(self) -> Vector:
        across, along = math.cos(self.yaw), -math.sin(self.yaw)
        return (across, 0.0, along) if self.up == "y" else (across, -along, 0.0)

    @property
    def _above(self) -> Vector:
        (ax, ay, az), (bx, by, bz) = self._back, self._right
        return (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)


def _add(first: Vector, second: Vector, factor: float) -> Vector:
    return (
        first[0] + second[0] * factor,
        first[1] + second[1] * factor,
        first[2] + second[2] * factor,
    )
