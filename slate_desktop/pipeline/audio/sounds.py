"""A sound as a stream of blocks, whatever reads it: libsndfile, or the user's ffmpeg.

Blocks are float32, shape (n, channels), at most 65,536 frames: libsndfile crashes in larger writes.
Channels are in the order of WAV everywhere in SLATE.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from slate_desktop.domain.assets.audio import MAX_CHANNELS, LoopPoints
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.audio.formats import FFMPEG_DEMUXERS, InputFormat, sniff

Block: TypeAlias = NDArray[np.float32]

BLOCK_FRAMES = 65_536
MAX_DURATION_S = 7200
_MIN_RATE_HZ, _MAX_RATE_HZ = 1_000, 768_000


class Sound(Protocol):
    """An opened sound. ``frames`` is None where its header does not say."""

    format: InputFormat
    codec: str
    sample_rate: int
    channels: int
    frames: int | None
    bits: int | None
    tags: dict[str, str]
    loop: LoopPoints | None

    def blocks(self) -> Iterator[Block]:
        """Yield the whole sound; a block is valid until the next one.

        Raises:
            AssetError: it ends in the middle, or lasts longer than is allowed.
        """
        ...


def open_sound(path: Path) -> Sound:
    """Open a sound, and check what its header says.

    Raises:
        AssetError: it is no sound, or needs more than is allowed.
        CommandError: ``bad_request``: it needs ffmpeg, which is not installed here.
    """
    form = sniff(path)
    sound: Sound
    if form in FFMPEG_DEMUXERS:
        from slate_desktop.pipeline.audio.ffmpeg import FfmpegSound

        sound = FfmpegSound(path, form)
    else:
        from slate_desktop.pipeline.audio.sndfile import SndfileSound

        sound = SndfileSound(path, form)
    _check(sound)
    return sound


class Frames:
    """Counts the frames of a stream, and ends one that lasts too long."""

    def __init__(self, sample_rate: int) -> None:
        self.count = 0
        self._most = MAX_DURATION_S * sample_rate

    def add(self, count: int) -> None:
        """Count more frames.

        Raises:
            AssetError: the sound lasts longer than is allowed.
        """
        self.count += count
        if self.count > self._most:
            raise _too_long()


def _check(sound: Sound) -> None:
    if not 1 <= sound.channels <= MAX_CHANNELS:
        raise AssetError.invalid(
            f"The file has {sound.channels} channels; SLATE reads 1 to {MAX_CHANNELS}."
        )
    if not _MIN_RATE_HZ <= sound.sample_rate <= _MAX_RATE_HZ:
        raise AssetError.invalid(f"The file's sample rate, {sound.sample_rate} Hz, is no sound's.")
    if sound.frames == 0:
        raise AssetError.invalid("The file holds no audio.")
    if sound.frames is not None and sound.frames > MAX_DURATION_S * sound.sample_rate:
        raise _too_long()


def _too_long() -> AssetError:
    return AssetError.limit(f"The sound lasts longer than {MAX_DURATION_S // 3600} hours.")
