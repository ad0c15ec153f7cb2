"""The first pass over a sound: how loud it is, where it is silent, how long it lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slate_desktop.domain.assets.audio import AudioOptions, Levels, Normalize
from slate_desktop.pipeline.audio.meter import Meter
from slate_desktop.pipeline.audio.sounds import Block, Sound

# Kept of the silence in front of the first and behind the last sound, so that no attack is cut.
_MARGIN_S = 0.005


@dataclass(frozen=True)
class Survey:
    """What the first pass found.

    Attributes:
        frames: that were decoded.
        source: levels of the sound as it is.
        mixed: levels after its channels were mixed.
        first: first frame that is kept.
        last: frame behind the last that is kept.
    """

    frames: int
    source: Levels
    mixed: Levels
    first: int
    last: int


def survey(
    sound: Sound,
    mix: NDArray[np.float32] | None,
    options: AudioOptions,
    on_frames: Callable[[int], None],
) -> Survey:
    """Read the whole sound once.

    Raises:
        AssetError: it is not sound.
    """
    meter = Meter(sound.sample_rate, sound.channels)
    mixed = None if mix is None else Meter(sound.sample_rate, mix.shape[1])
    bounds = _Bounds(10.0 ** (options.silence_threshold / 20.0))
    frames = 0
    for block in sound.blocks():
        meter.add(block)
        if mix is not None and mixed is not None:
            mixed.add(block @ mix)
        if options.trim_silence:
            bounds.add(block, frames)
        frames += len(block)
        on_frames(frames)
    levels = meter.finish()
    first, last = 0, frames
    if options.trim_silence and bounds.last is not None:
        margin = round(_MARGIN_S * sound.sample_rate)
        first = max(0, (bounds.first or 0) - margin)
        last = min(frames, bounds.last + 1 + margin)
    return Survey(frames, levels, mixed.finish() if mixed else levels, first, last)


def gain_db(levels: Levels, options: AudioOptions) -> tuple[float, bool]:
    """Return the gain that normalises a sound, and whether the ceiling held it back."""
    peak = levels.true_peak_dbtp
    if options.normalize is Normalize.NONE or peak is None:
        return 0.0, False
    room = options.true_peak - peak
    if options.normalize is Normalize.PEAK:
        return room, False
    if levels.lufs is None:
        return 0.0, False
    wanted = options.target_lufs - levels.lufs
    return (room, True) if wanted > room else (wanted, False)


class _Bounds:
    """The first and the last frame above a threshold."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self.first: int | None = None
        self.last: int | None = None

    def add(self, block: Block, offset: int) -> None:
        loud = np.flatnonzero(np.abs(block).max(axis=1) > self._threshold)
        if len(loud):
            if self.first is None:
                self.first = offset + int(loud[0])
            self.last = offset + int(loud[-1])
