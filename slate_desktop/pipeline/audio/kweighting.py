"""K-weighting of BS.1770 for a stream, in blocks: matrix products instead of a step per sample.

The two biquads are one linear system of four states. Over a block of ``_BLOCK`` samples its output
is the block times a triangular matrix (the impulse response) plus a matrix times the state at the
block's start; the states of all blocks follow from a prefix scan of log2(blocks) products.

Source: ITU-R BS.1770-5, annex 1; coefficients for any rate by the bilinear transform of the
analogue prototype (https://github.com/jiixyj/libebur128 documents its parameters).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_BLOCK = 64


class KWeighting:
    """The filter of one stream.

    Args:
        sample_rate: Hz.
        channels: number of channels.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        a, b, c, d = _state_space(sample_rate)
        powers = [np.eye(4)]
        for _ in range(_BLOCK):
            powers.append(powers[-1] @ a)
        impulse = [d, *(float(c @ powers[step] @ b) for step in range(_BLOCK - 1))]
        response = np.zeros((_BLOCK, _BLOCK))
        for step in range(_BLOCK):
            response[step, step:] = impulse[: _BLOCK - step]
        self._response = response
        self._from_state = np.stack([c @ powers[step] for step in range(_BLOCK)], axis=1)
        self._to_state = np.stack([powers[_BLOCK - 1 - step] @ b for step in range(_BLOCK)])
        self._advance = powers[_BLOCK]
        self._state = np.zeros((channels, 4))
        self._rest = np.zeros((channels, 0))

    def filter(self, samples: NDArray[np.float64], *, is_last: bool = False) -> NDArray[np.float64]:
        """Return filtered samples, shape (channels, n); up to 63 wait for the next call.

        Args:
            samples: shape (channels, n).
            is_last: return what waits as well.
        """
        samples = np.concatenate((self._rest, samples), axis=1)
        channels, count = samples.shape
        if is_last:
            samples = np.pad(samples, ((0, 0), (0, -count % _BLOCK)))
        blocks = samples.shape[1] // _BLOCK
        self._rest = samples[:, blocks * _BLOCK :]
        if blocks == 0:
            return samples[:, :0]
        matrix = samples[:, : blocks * _BLOCK].reshape(channels, blocks, _BLOCK)
        result = matrix @ self._response
        result += self._states(matrix) @ self._from_state
        return result.reshape(channels, -1)[:, :count]

    def _states(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the state at the start of every block, and keep the one after the last."""
        scan = matrix @ self._to_state
        scan[:, 0] += self._state @ self._advance.T
        blocks, step, advance = scan.shape[1], 1, self._advance
        while step < blocks:
            scan[:, step:] += scan[:, :-step] @ advance.T
            advance = advance @ advance
            step *= 2
        states = np.concatenate((self._state[:, None], scan[:, :-1]), axis=1)
        self._state = scan[:, -1].copy()
        return states


def _state_space(
    sample_rate: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Return A, B, C and D of shelf and high-pass, one after the other."""
    (a1, b1, c1, d1), (a2, b2, c2, d2) = (_biquad(*x) for x in _coefficients(sample_rate))
    a = np.zeros((4, 4))
    a[:2, :2], a[2:, 2:], a[2:, :2] = a1, a2, np.outer(b2, c1)
    return a, np.concatenate((b1, b2 * d1)), np.concatenate((d2 * c1, c2)), d1 * d2


def _biquad(
    b: tuple[float, float, float], a: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Return a biquad's state space (transposed direct form 2)."""
    return (
        np.array([[-a[0], 1.0], [-a[1], 0.0]]),
        np.array([b[1] - a[0] * b[0], b[2] - a[1] * b[0]]),
        np.array([1.0, 0.0]),
        b[0],
    )


def _coefficients(
    sample_rate: int,
) -> tuple[
    tuple[tuple[float, float, float], tuple[float, float]],
    tuple[tuple[float, float, float], tuple[float, float]],
]:
    """Return numerator and denominator of the high shelf and of the high-pass."""
    k, q = math.tan(math.pi * 1681.974450955533 / sample_rate), 0.7071752369554196
    high = 10.0 ** (3.999843853973347 / 20.0)
    band = high**0.4996667741545416
    norm = 1.0 + k / q + k * k
    shelf = (
        (
            (high + band * k / q + k * k) / norm,
            2.0 * (k * k - high) / norm,
            (high - band * k / q + k * k) / norm,
        ),
        (2.0 * (k * k - 1.0) / norm, (1.0 - k / q + k * k) / norm),
    )
    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    norm = 1.0 + k / q + k * k
    return shelf, ((1.0, -2.0, 1.0), (2.0 * (k * k - 1.0) / norm, (1.0 - k / q + k * k) / norm))
