"""True peak of a stream: the highest value between the samples, by 4 times oversampling.

Only stretches that can exceed the peak found so far are interpolated: the interpolated value is at
most the largest sample around it times the sum of the filter's absolute coefficients.

Source: ITU-R BS.1770-5, annex 2.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

# Taps of each phase, and samples that are interpolated by one row of the matrix.
_TAPS = 12
_ROW = 32
_BEFORE = _TAPS // 2 - 1


class TruePeak:
    """Highest true peak and sample peak over all channels, as amplitudes.

    Args:
        sample_rate: Hz; from 96 kHz on, less oversampling is enough.
        channels: number of channels.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        factor = 4 if sample_rate < 96_000 else 2 if sample_rate < 192_000 else 1
        self._matrix, self._gain = _interpolator(factor)
        self._tail = np.zeros((channels, _TAPS - 1), np.float32)
        self.sample_peak = 0.0
        self._between = 0.0

    @property
    def true_peak(self) -> float:
        """The highest amplitude on or between the samples."""
        return max(self._between, self.sample_peak)

    def add(self, samples: NDArray[np.float32]) -> None:
        """Add samples, shape (channels, n)."""
        if samples.shape[1] == 0:
            return
        self.sample_peak = max(self.sample_peak, float(samples.max()), -float(samples.min()))
        if self._matrix.shape[1] == 0:
            return
        joined = np.concatenate((self._tail, samples), axis=1)
        self._tail = joined[:, -(_TAPS - 1) :].copy()
        count = joined.shape[1] - (_TAPS - 1)
        missing = -count % _ROW
        if missing:
            joined = np.pad(joined, ((0, 0), (0, missing)))
        self._interpolate(np.ascontiguousarray(joined), (count + missing) // _ROW)

    def finish(self) -> None:
        """Add the silence after the end."""
        self.add(np.zeros((self._tail.shape[0], _TAPS), np.float32))

    def _interpolate(self, joined: NDArray[np.float32], rows: int) -> None:
        channels = joined.shape[0]
        row_step, step = joined.strides
        width = _ROW + _TAPS - 1
        windows = as_strided(
            joined, (channels, rows, width), (row_step, _ROW * step, step), writeable=False
        )
        # The largest sample of each stretch, and of the one that its window reaches into.
        padded = np.pad(joined, ((0, 0), (0, -joined.shape[1] % _ROW)))
        stretch = padded.reshape(channels, -1, _ROW)
        largest = np.maximum(stretch.max(axis=2), -stretch.min(axis=2))
        if largest.shape[1] == rows:
            largest = np.pad(largest, ((0, 0), (0, 1)))
        reach = np.maximum(largest[:, :rows], largest[:, 1 : rows + 1])
        chosen = windows[reach * self._gain > self.true_peak]
        if len(chosen):
            values = chosen @ self._matrix
            self._between = max(self._between, float(values.max()), -float(values.min()))


def _interpolator(factor: int) -> tuple[NDArray[np.float32], float]:
    """Return the matrix from a row's window to the values between its samples, and its bound."""
    phases = np.arange(1, factor) / factor
    taps = np.arange(_TAPS) - _BEFORE
    distance = phases[:, None] - taps[None, :]
    window = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance / (_TAPS / 2), -1.0, 1.0))
    filters = np.sinc(distance) * window
    matrix = np.zeros((_ROW + _TAPS - 1, _ROW * len(phases)), np.float32)
    for position in range(_ROW):
        for phase, coefficients in enumerate(filters):
            column = position * len(phases) + phase
            matrix[position : position + _TAPS, column] = coefficients
    bound = float(np.abs(filters).sum(axis=1).max()) if len(phases) else 1.0
    return matrix, bound
