"""How loud a stream is: EBU R 128 loudness and range, peaks, clipping; memory does not grow.

Source: ITU-R BS.1770-5 (loudness, true peak), EBU Tech 3342 (loudness range).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from slate_desktop.domain.assets.audio import Levels
from slate_desktop.pipeline.audio.kweighting import KWeighting
from slate_desktop.pipeline.audio.truepeak import TruePeak

_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_RANGE_GATE_LU = -20.0
_MOMENTARY_HOPS = 4
_SHORT_TERM_HOPS = 30
_OFFSET_DB = -0.691
# Samples count as clipped at the largest value of 16 bits, three or more in a row.
_FULL_SCALE = 32_767 / 32_768
_CLIPPED_RUN = 3
# Surround counts 1.5 dB more, the subwoofer nothing.
_WEIGHTS = {
    4: (1.0, 1.0, 1.41, 1.41),
    5: (1.0, 1.0, 1.0, 1.41, 1.41),
    6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41),
    7: (1.0, 1.0, 1.0, 0.0, 1.0, 1.41, 1.41),
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41),
}


class Meter:
    """Measures one stream.

    Args:
        sample_rate: Hz.
        channels: number of channels, in the order of WAV.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._filter = KWeighting(sample_rate, channels)
        self._peak = TruePeak(sample_rate, channels)
        self._weights = np.array(_WEIGHTS.get(channels, (1.0,) * channels))
        self._hop = max(1, round(sample_rate / 10))
        self._rest = np.zeros((channels, 0))
        # Weighted energy of each tenth of a second.
        self._energies: list[NDArray[np.float64]] = []
        self._clipped = 0
        self._run = np.zeros(channels, np.int64)

    def add(self, frames: NDArray[np.float32]) -> None:
        """Add frames, shape (n, channels)."""
        samples = np.ascontiguousarray(frames.T)
        self._peak.add(samples)
        self._count_clipped(samples)
        self._add_energy(self._filter.filter(samples.astype(np.float64)))

    def finish(self) -> Levels:
        """Return the levels of all that was added."""
        channels = len(self._weights)
        self._add_energy(self._filter.filter(np.zeros((channels, 0)), is_last=True))
        self._peak.finish()
        # Runs that reach the end.
        self._clipped += int(self._run[self._run >= _CLIPPED_RUN].sum())
        energies = self._hops()
        return Levels(
            lufs=_rounded(_integrated(energies)),
            loudness_range_lu=_rounded(_range(energies)),
            true_peak_dbtp=_rounded(_decibel(self._peak.true_peak)),
            sample_peak_dbfs=_rounded(_decibel(self._peak.sample_peak)),
            clipped_samples=self._clipped,
        )

    def momentary(self) -> NDArray[np.float64]:
        """Return the loudness of every 400 ms, a tenth of a second apart, LUFS; silence is -inf."""
        return _loudness(_windows(self._hops(), _MOMENTARY_HOPS))

    def _hops(self) -> NDArray[np.float64]:
        energies = np.concatenate(self._energies) if self._energies else np.zeros(0)
        count = len(energies) * self._hop + self._rest.shape[1]
        if len(energies) < _MOMENTARY_HOPS and count:
            # Shorter than one window of the standard: what there is counts as one.
            total = energies.sum() * self._hop + _energy(self._rest, self._weights)
            energies = np.full(_MOMENTARY_HOPS, total / count)
        return energies

    def _add_energy(self, filtered: NDArray[np.float64]) -> None:
        filtered = np.concatenate((self._rest, filtered), axis=1)
        hops = filtered.shape[1] // self._hop
        whole = filtered[:, : hops * self._hop].reshape(len(self._weights), hops, self._hop)
        if hops:
            means = np.einsum("chn,chn->ch", whole, whole) / self._hop
            self._energies.append(self._weights @ means)
        self._rest = filtered[:, hops * self._hop :]

    def _count_clipped(self, samples: NDArray[np.float32]) -> None:
        if self._peak.sample_peak < _FULL_SCALE:
            return
        for channel, values in enumerate(np.abs(samples) >= _FULL_SCALE):
            edges = np.flatnonzero(np.diff(values, prepend=False, append=False))
            starts, ends = edges[::2], edges[1::2]
            lengths = ends - starts
            open_run = int(self._run[channel])
            if len(starts) and starts[0] == 0:
                lengths[0] += open_run
            elif open_run >= _CLIPPED_RUN:
                self._clipped += open_run
            still_open = len(ends) > 0 and ends[-1] == len(values)
            self._run[channel] = lengths[-1] if still_open else 0
            done = lengths[:-1] if still_open else lengths
            self._clipped += int(done[done >= _CLIPPED_RUN].sum())


def _energy(samples: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    return float(weights @ np.einsum("cn,cn->c", samples, samples))


def _windows(energies: NDArray[np.float64], hops: int) -> NDArray[np.float64]:
    """Return the mean energy of every window of so many hops."""
    if len(energies) < hops:
        return np.zeros(0)
    sums = np.concatenate((np.zeros(1), np.cumsum(energies)))
    return np.maximum(sums[hops:] - sums[:-hops], 0.0) / hops


def _loudness(energies: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return _OFFSET_DB + 10.0 * np.log10(energies)


def _integrated(hops: NDArray[np.float64]) -> float:
    """Return the gated loudness, -inf for silence."""
    energies = _windows(hops, _MOMENTARY_HOPS)
    energies = energies[_loudness(energies) >= _ABSOLUTE_GATE_LUFS]
    if not len(energies):
        return -math.inf
    gate = _loudness(energies.mean(keepdims=True))[0] + _RELATIVE_GATE_LU
    return float(_loudness(energies[_loudness(energies) >= gate].mean(keepdims=True))[0])


def _range(hops: NDArray[np.float64]) -> float:
    """Return the loudness range, -inf where there are less than three seconds."""
    energies = _windows(hops, _SHORT_TERM_HOPS)
    energies = energies[_loudness(energies) >= _ABSOLUTE_GATE_LUFS]
    if not len(energies):
        return -math.inf
    gate = _loudness(energies.mean(keepdims=True))[0] + _RANGE_GATE_LU
    loudness = _loudness(energies)
    low, high = np.quantile(loudness[loudness >= gate], (0.10, 0.95))
    return float(high - low)


def _decibel(amplitude: float) -> float:
    return 20.0 * math.log10(amplitude) if amplitude > 0 else -math.inf


def _rounded(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None
