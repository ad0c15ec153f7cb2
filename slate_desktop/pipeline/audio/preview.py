"""What the window draws of a sound: waveform, spectrogram, loudness; tasks of the parser's child.

Each reads the sound once, as a stream, and leaves arrays as ``.npy`` files in the work folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from slate_desktop.domain.assets.audio import Levels
from slate_desktop.pipeline.audio.meter import Meter
from slate_desktop.pipeline.audio.sounds import MAX_DURATION_S, Block, open_sound
from slate_desktop.pipeline.run import Progress

PEAK_FRAMES = 256
PEAK_FACTOR = 4
_MIN_BINS = 64
_WINDOW = 2048
_FLOOR_DB = -96.0
_LOWEST_HZ = 30.0
_MAX_SIDE = 4096


def peaks(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Write the waveform of ``source`` in several resolutions.

    Level 0 has one bin for every 256 frames, each further level one for four of the level before.
    ``peaks<level>.npy`` is int16 of shape (bins, channels, 3): lowest and highest sample and RMS,
    32767 being full scale.

    Returns:
        ``sample_rate``, ``channels``, ``frames``, and ``levels``: ``file``, ``frames_per_bin``,
        ``bins`` of each.
    """
    sound = open_sound(Path(arguments["source"]))
    parts: list[NDArray[np.float32]] = []
    rest = np.zeros((0, sound.channels), np.float32)
    frames = 0
    for block in sound.blocks():
        frames += len(block)
        joined = np.concatenate((rest, block))
        whole = len(joined) // PEAK_FRAMES * PEAK_FRAMES
        if whole:
            parts.append(_bins(joined[:whole].reshape(-1, PEAK_FRAMES, sound.channels)))
        rest = joined[whole:].copy()
        _tell(progress, frames, sound.frames)
    if len(rest):
        parts.append(_bins(rest[None]))
    level = np.concatenate(parts)
    levels: list[dict[str, object]] = []
    while True:
        number = len(levels)
        np.save(work_dir / f"peaks{number}.npy", _as_int16(level), allow_pickle=False)
        levels.append(
            {
                "file": f"peaks{number}.npy",
                "frames_per_bin": PEAK_FRAMES * PEAK_FACTOR**number,
                "bins": len(level),
            }
        )
        if len(level) <= _MIN_BINS:
            break
        level = _coarser(level)
    return {
        "sample_rate": sound.sample_rate,
        "channels": sound.channels,
        "frames": frames,
        "levels": levels,
    }


def spectrogram(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Write the spectrogram of ``source`` as a picture of ``width`` times ``height`` values.

    ``spectrogram.npy`` is uint8 of shape (height, columns): 0 is -96 dB and 255 full scale; the
    highest frequency comes first, spaced by octaves down to 30 Hz. A sound shorter than ``width``
    windows has fewer columns.

    Returns:
        ``file``, ``columns``, ``height``, ``lowest_hz``, ``highest_hz``, ``duration_s``.
    """
    width = min(max(int(arguments["width"]), 1), _MAX_SIDE)
    height = min(max(int(arguments["height"]), 1), _MAX_SIDE)
    sound = open_sound(Path(arguments["source"]))
    total = sound.frames or MAX_DURATION_S * sound.sample_rate
    columns = _Columns(width, height, sound.sample_rate, total)
    frames = 0
    for block in sound.blocks():
        frames += len(block)
        columns.add(block.mean(axis=1))
        _tell(progress, frames, sound.frames)
    picture = columns.picture(frames)
    np.save(work_dir / "spectrogram.npy", picture, allow_pickle=False)
    return {
        "file": "spectrogram.npy",
        "columns": picture.shape[1],
        "height": height,
        "lowest_hz": _LOWEST_HZ,
        "highest_hz": sound.sample_rate / 2,
        "duration_s": round(frames / sound.sample_rate, 4),
    }


def loudness(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Measure ``source``, and write its momentary loudness.

    ``momentary.npy`` is float32, LUFS, one value every 100 ms over 400 ms each; silence is -inf.

    Returns:
        ``levels`` as ``Levels``, ``file``, and ``values``, their number.
    """
    sound = open_sound(Path(arguments["source"]))
    meter, frames = Meter(sound.sample_rate, sound.channels), 0
    for block in sound.blocks():
        meter.add(block)
        frames += len(block)
        _tell(progress, frames, sound.frames)
    levels: Levels = meter.finish()
    momentary = meter.momentary().astype(np.float32)
    np.save(work_dir / "momentary.npy", momentary, allow_pickle=False)
    return {
        "levels": msgspec.to_builtins(levels),
        "file": "momentary.npy",
        "values": len(momentary),
    }


class _Columns:
    """Spectra, the loudest of each column kept."""

    def __init__(self, width: int, height: int, sample_rate: int, total: int) -> None:
        self._step = max(_WINDOW // 2, -(-total // width))
        self._window = np.hanning(_WINDOW).astype(np.float32)
        self._scale = 2.0 / float(self._window.sum())
        edges = np.geomspace(_LOWEST_HZ, sample_rate / 2, height + 1) * _WINDOW / sample_rate
        self._first = np.minimum(edges[:-1].astype(int), _WINDOW // 2)
        self._sums = np.zeros((width + 1, _WINDOW // 2 + 1), np.float32)
        self._rest = np.zeros(0, np.float32)
        self._position = 0

    def add(self, samples: NDArray[np.float32]) -> None:
        samples = np.concatenate((self._rest, samples))
        hop = _WINDOW // 2
        count = max(0, (len(samples) - _WINDOW) // hop + 1)
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::hop][:count]
            spectra = np.abs(np.fft.rfft(windows * self._window)).astype(np.float32)
            places = (self._position + np.arange(count) * hop) // self._step
            np.maximum.at(self._sums, np.minimum(places, len(self._sums) - 1), spectra)
        self._rest = samples[count * hop :]
        self._position += count * hop

    def picture(self, frames: int) -> NDArray[np.uint8]:
        if self._position == 0:
            self.add(np.zeros(_WINDOW - len(self._rest), np.float32))
        columns = min(max(1, -(-frames // self._step)), len(self._sums) - 1)
        spectra = self._sums[:columns] * self._scale
        rows = np.maximum.reduceat(spectra, self._first, axis=1)
        decibel = 20.0 * np.log10(np.maximum(rows, 1e-6))
        values = np.clip((decibel - _FLOOR_DB) / -_FLOOR_DB, 0.0, 1.0) * 255.0
        return np.ascontiguousarray(values.T[::-1].round().astype(np.uint8))


def _bins(blocks: Block) -> NDArray[np.float32]:
    """Return lowest, highest and mean square of blocks of shape (bins, frames, channels)."""
    energy = np.einsum("bfc,bfc->bc", blocks, blocks) / blocks.shape[1]
    return np.stack((blocks.min(axis=1), blocks.max(axis=1), energy), axis=2)


def _coarser(level: NDArray[np.float32]) -> NDArray[np.float32]:
    missing = -len(level) % PEAK_FACTOR
    if missing:
        level = np.concatenate((level, np.repeat(level[-1:], missing, axis=0)))
    groups = level.reshape(-1, PEAK_FACTOR, *level.shape[1:])
    return np.stack(
        (groups[..., 0].min(axis=1), groups[..., 1].max(axis=1), groups[..., 2].mean(axis=1)),
        axis=2,
    )


def _as_int16(level: NDArray[np.float32]) -> NDArray[np.int16]:
    values = level.copy()
    values[..., 2] = np.sqrt(values[..., 2])
    return (np.clip(values, -1.0, 1.0) * 32_767).round().astype(np.int16)


def _tell(progress: Progress, frames: int, total: int | None) -> None:
    progress(min(1.0, frames / total) if total else 0.5, "reading")
