"""Channels: their order in Ogg against that of WAV, and mixing from one number to another.

Source: the Vorbis I specification, section 4.3.9; RFC 7845, section 5.1.1.2; ITU-R BS.775 for the
mix of surround to stereo.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

# Position in Ogg by position in WAV, where they differ.
_OGG_ORDER = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 5, 3, 4),
    7: (0, 2, 1, 6, 5, 3, 4),
    8: (0, 2, 1, 7, 5, 6, 3, 4),
}
_HALF_POWER = math.sqrt(0.5)


def from_ogg(channels: int) -> list[int] | None:
    """Return, for every channel of WAV, where it lies in Ogg; None where they are equal."""
    return list(_OGG_ORDER[channels]) if channels in _OGG_ORDER else None


def to_ogg(channels: int) -> list[int] | None:
    """Return, for every channel of Ogg, where it lies in WAV; None where they are equal."""
    order = from_ogg(channels)
    return None if order is None else [order.index(place) for place in range(channels)]


def mix_matrix(source: int, target: int) -> NDArray[np.float32] | None:
    """Return the matrix, shape (source, target), that mixes channels; None where nothing is to do.

    A mix to fewer channels never clips: what each gets adds up to at most 1.
    """
    if source == target:
        return None
    matrix = np.zeros((source, target))
    if target == 1:
        stereo = mix_matrix(source, 2) if source > 2 else np.eye(source)
        matrix[:, 0] = np.asarray(stereo).mean(axis=1) if source > 2 else 1.0 / source
    elif source == 1:
        matrix[0, :2] = 1.0
    elif target == 2:
        matrix = _to_stereo(source)
    else:
        shared = min(source, target)
        matrix[:shared, :shared] = np.eye(shared)
        for extra in range(target, source):
            matrix[extra, extra % 2] = _HALF_POWER
        matrix /= max(1.0, float(np.abs(matrix).sum(axis=0).max()))
    return matrix.astype(np.float32)


def _to_stereo(source: int) -> NDArray[np.float64]:
    """Centre and surround at half power, the subwoofer left out."""
    matrix = np.zeros((source, 2))
    matrix[0, 0] = matrix[1, 1] = 1.0
    rest = list(range(2, source))
    if source != 4:
        matrix[2] = _HALF_POWER
        rest.remove(2)
    if source >= 6:
        rest.remove(3)
    if len(rest) % 2:
        matrix[rest.pop(0)] = 0.5
    for index, channel in enumerate(rest):
        matrix[channel, index % 2] = _HALF_POWER
    return matrix / matrix.sum(axis=0).max()
